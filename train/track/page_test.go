package track

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// feed tells an observer of the steps after first up to last of a run of 2600: everything that a page shows.
func feed(t testing.TB, o Observer, first, last int) {
	t.Helper()
	const total = 2600
	for step := first + 1; step <= last; step++ {
		rng := rand.New(rand.NewPCG(1, uint64(step)))
		x := float64(step) / total
		p := Point{
			Step: step, Loss: 1.3 + 3*math.Exp(-10*x) + 0.1*rng.NormFloat64(), Tokens: 3200 * int64(step),
			GradNorm: 0.3 + math.Abs(rng.NormFloat64())*math.Exp(-2*x),
			Rate:     2e-3 * min(1, 20*x) * (1 + math.Cos(math.Pi*x)) / 2,
		}
		if step == 800 {
			p.Loss, p.GradNorm = 9, 80
		}
		events := []Event{Update{p, 0.06*float64(step) + 0.005*rng.Float64()}}
		if step%26 == 0 {
			for layer, state := range []string{"2.h_l0", "2.h_l1"} {
				norms := make([]float64, 100)
				for i := range norms {
					back := float64(len(norms) - 1 - i)
					norms[i] = 0.1*float64(layer+1)*math.Exp(-back*(0.15-0.1*x))*(1+0.3*rng.Float64()) + 1e-9
				}
				events = append(events, Flow{step, state, norms})
			}
		}
		if step%130 == 0 {
			events = append(events,
				Evaluation{Point{Step: step, Loss: 1.4 + 3*math.Exp(-10*x) + 0.2*x}, 0},
				Scalar{step, "accuracy (%)", 60 - 50*math.Exp(-5*x)},
				Text{step, "sample", "func f(x int) {\n\tif x < 1 && <b>bold</b> {\n\t\treturn\n\t}\n}\n" + strings.Repeat("x", 300)},
			)
		}
		for _, e := range events {
			if err := o.Observe(e); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// began is a Dashboard that serves a run of 2600 steps to browsers that ask after a pause, and its address.
func began(t testing.TB, pause time.Duration) (d *Dashboard, url string) {
	t.Helper()
	d = &Dashboard{Addr: "localhost:0", pause: pause, Title: "A <model> & its run", Ready: func(u string) { url = u }}
	if err := d.Start(context.Background(), Run{Steps: 2600, Unit: Nats}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.End(nil) })
	return d, url
}

// layout returns what is wrong with how the page lies in its window: texts of a picture that lie on each other or leave
// the picture, what is wider than the window, and text that is hard to read.
const layout = `
const wrong = [];
if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page is " + document.documentElement.scrollWidth + " wide, the window " + innerWidth);
for (const svg of document.querySelectorAll("svg")) {
	const frame = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll("text")].map(e => [e.textContent, e.getBoundingClientRect()]);
	for (const [text, r] of texts) {
		if (r.left < frame.left - 1 || r.right > frame.right + 1 || r.top < frame.top - 1 || r.bottom > frame.bottom + 1) wrong.push(svg.ariaLabel + ": " + text + " leaves the picture");
		for (const [other, o] of texts) {
			if (other !== text && r.left < o.right && o.left < r.right && r.top + 2 < o.bottom && o.top + 2 < r.bottom) wrong.push(svg.ariaLabel + ": " + text + " lies on " + other);
		}
	}
}
const light = colour => {
	const [r, g, b] = colour.match(/[\d.]+/g).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const card = light(getComputedStyle(document.querySelector(".card")).backgroundColor), ground = light(getComputedStyle(document.body).backgroundColor);
const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
for (const selector of ["h1", "#status", ".card h2", "dt", "dd", ".legend", "label", "svg text", "pre", "#texts h3"]) {
	const e = document.querySelector(selector), style = getComputedStyle(e), at = e.closest(".card, #numbers div") ? card : ground;
	const c = contrast(light(e.namespaceURI.endsWith("svg") ? style.fill : style.color), at);
	if (c < 4.5) wrong.push(selector + " has a contrast of " + c.toFixed(2));
}
return wrong;`

// The page as a person sees it: as it grows, light and dark, wide and on a phone, under the pointer, and to its end.
func TestPageInBrowser(t *testing.T) {
	b := newBrowser(t, 1300, 1500)
	d, url := began(t, time.Second)
	b.open(url)
	b.wait(`document.querySelector("#status").textContent === "training"`)
	check := func(name string) {
		t.Helper()
		var wrong []string
		if b.run(layout, &wrong); len(wrong) > 0 {
			t.Errorf("%s: %s", name, strings.Join(wrong, "; "))
		}
		b.screenshot(name)
	}
	b.screenshot("empty")
	feed(t, d, 0, 1)
	b.wait(`document.querySelector("#numbers dd").textContent === "1"`)
	b.screenshot("first step")
	feed(t, d, 1, 1950)
	b.wait(`document.querySelector("#numbers dd").textContent === "1,950"`) // without a reload
	check("light")

	var got struct {
		Title, Heading, Text string
		Charts               []string
		Lines                []int
		Labels               []string
		Picture              string
		Bold                 int
	}
	b.run(`return {
		title: document.title,
		heading: document.querySelector("h1").textContent,
		text: document.querySelector("#texts pre").textContent,
		charts: [...document.querySelectorAll("figure h2")].map(e => e.textContent),
		lines: [...document.querySelectorAll("figure")].map(e => e.querySelectorAll("path.line").length),
		labels: [...document.querySelectorAll("figure")].map(e => [...e.querySelectorAll("svg text")].filter(t => /[a-z]{3}/.test(t.textContent)).map(t => t.textContent).join("|")),
		picture: document.querySelector("svg image").getAttribute("href").slice(0, 22),
		bold: document.querySelectorAll("b").length,
	}`, &got)
	if got.Title != "75 % A <model> & its run" || got.Heading != "A <model> & its run" {
		t.Errorf("title %q, heading %q", got.Title, got.Heading)
	}
	if want := "Loss, Gradient norm, Learning rate, Speed, accuracy (%), Gradient flow through time"; strings.Join(got.Charts, ", ") != want {
		t.Errorf("charts %q", got.Charts)
	}
	for i, want := range []int{2, 1, 1, 1, 1, 0} {
		if got.Lines[i] != want {
			t.Errorf("%s has %d lines, want %d", got.Charts[i], got.Lines[i], want)
		}
	}
	for i, want := range []string{
		"nats per target|training step", "before clipping|training step", "training step", "tokens per second|training step", "training step",
		"time step of the window|training step|norm",
	} {
		if got.Labels[i] != want {
			t.Errorf("%s has the labels %q, want %q", got.Charts[i], got.Labels[i], want)
		}
	}
	if !strings.HasPrefix(got.Text, "func f(x int) {\n\tif x < 1 && <b>bold</b> {\n") || got.Bold != 0 {
		t.Errorf("text %q, %d bold elements", got.Text, got.Bold)
	}
	if got.Picture != "data:image/png;base64," {
		t.Errorf("the picture of the flow is %q", got.Picture)
	}

	b.theme("dark")
	check("dark")
	b.run(`for (const e of document.querySelectorAll("input")) e.click()`, nil)
	check("dark, logarithmic")
	b.resize(390, 844)
	b.wait(`[...document.querySelectorAll("svg")].every(e => e.getAttribute("viewBox").split(" ")[2] < 390)`)
	check("phone, dark")
	b.theme("light")
	check("phone")
	b.run(`document.querySelector("#texts").scrollIntoView()`, nil)
	b.screenshot("phone, texts")
	b.resize(1300, 1500)
	b.wait(`document.querySelector("svg").getAttribute("viewBox").split(" ")[2] > 1000`)

	// Under the pointer.
	var tip string
	b.run(`
		scrollTo(0, 0);
		const svg = document.querySelector("svg"), r = svg.getBoundingClientRect();
		svg.dispatchEvent(new PointerEvent("pointermove", {clientX: r.left + r.width / 2, clientY: r.top + 80}));
		return document.querySelector(".tip").textContent`, &tip)
	if lines := strings.Split(tip, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], "step 9") ||
		!strings.HasPrefix(lines[1], "training 1.") || !strings.HasPrefix(lines[2], "validation 1.") || !strings.HasSuffix(lines[2], "at step 910") {
		t.Errorf("the pointer shows %q", tip)
	}
	b.run(`
		const select = document.querySelector("select"), svg = select.closest("figure").querySelector("svg"), r = svg.getBoundingClientRect();
		select.selectedIndex = 1;
		select.dispatchEvent(new Event("change"));
		svg.dispatchEvent(new PointerEvent("pointermove", {clientX: r.left + r.width / 2, clientY: r.top + 30}));
		return svg.parentNode.querySelector(".tip").textContent`, &tip)
	b.screenshot("pointer")
	if !strings.HasPrefix(tip, "step 1,0") || !strings.Contains(tip, "time step 9") || !strings.Contains(tip, "norm 0.") {
		t.Errorf("the pointer shows %q", tip)
	}

	feed(t, d, 1950, 2600)
	if err := d.End(nil); err != nil {
		t.Error(err)
	}
	b.wait(`document.querySelector("#status").textContent === "finished"`)
	b.wait(`document.querySelector("#numbers dd").textContent === "2,600"`)
	check("finished")
	for _, line := range b.console() {
		if !strings.Contains(line, "ERR_CONNECTION_REFUSED") { // after the end
			t.Errorf("console: %s", line)
		}
	}
}
