package decode

// Greedy returns the labels of the likeliest class at every time step, without repeats and blanks ("best path", Graves
// et al. 2006). logProbs is [steps][classes], of any scale. Of equally likely classes the first is taken.
func Greedy(logProbs [][]float64, blank int) ([]int32, error) {
	if _, err := check("Greedy", logProbs, blank); err != nil {
		return nil, err
	}
	var labels []int32
	last := blank
	for _, frame := range logProbs {
		best := 0
		for k, v := range frame {
			if v > frame[best] {
				best = k
			}
		}
		if best != blank && best != last {
			labels = append(labels, int32(best))
		}
		last = best
	}
	return labels, nil
}
