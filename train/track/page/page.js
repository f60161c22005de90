"use strict";

// The page asks for ./data, all that there is to show, and draws it. The server answers about once a second.

const byId = id => document.getElementById(id);

// node makes an element of HTML, shape one of SVG.
function node(name, attributes, ...children) {
	const e = Object.assign(document.createElement(name), attributes);
	e.append(...children);
	return e;
}

function shape(name, attributes, ...children) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
	e.append(...children);
	return e;
}

// Numbers

const whole = new Intl.NumberFormat("en-US", {maximumFractionDigits: 0});
const short = new Intl.NumberFormat("en-US", {notation: "compact", maximumFractionDigits: 1});
const compact = v => short.format(v).replace("K", "k");

function power(exponent) {
	return "10" + String(exponent).replace(/./g, c => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"["0123456789-".indexOf(c)]);
}

function number(v) {
	if (typeof v !== "number") return String(v ?? "–"); // "NaN", "+Inf", "-Inf"
	const size = Math.abs(v);
	if (size !== 0 && (size < 1e-3 || size >= 1e6)) return v.toExponential(2).replace("+", "");
	return size >= 1e4 ? whole.format(v) : String(Number(v.toPrecision(4)));
}

const least = (a, b) => Math.min(a, b), greatest = (a, b) => Math.max(a, b);

function duration(seconds) {
	const s = Math.round(seconds), two = n => String(n).padStart(2, "0");
	if (s < 60) return `${s}s`;
	if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
	if (s < 86400) return `${Math.floor(s / 3600)}h${two(Math.floor(s / 60) % 60)}m`;
	return `${Math.floor(s / 86400)}d${two(Math.floor(s / 3600) % 24)}h`;
}

// Axes

// ticks are round values from low to high, about so many: multiples of 1, 2 or 5 times a power of ten.
function ticks(low, high, wanted, narrowest = 0) {
	const rough = (high - low) / wanted, unit = 10 ** Math.floor(Math.log10(rough));
	const step = Math.max(narrowest, [1, 2, 5, 10].map(m => m * unit).find(s => s >= rough * 0.999) ?? 10 * unit);
	const all = [];
	for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-12); i++) all.push(i * step);
	const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
	const small = step < 1e-4, large = Math.max(Math.abs(low), Math.abs(high)) >= 1e4;
	return all.map(v => {
		if (v === 0) return [v, "0"];
		if (small) return [v, Number(v.toPrecision(6)).toExponential()];
		return [v, large ? compact(v) : v.toFixed(digits)];
	});
}

// powers are ticks of a logarithmic axis: powers of ten, or of a short axis 2 and 5 times them too.
function powers(low, high) {
	const decades = Math.log10(high / low);
	if (decades < 0.7) return ticks(low, high, 4);
	const first = Math.floor(Math.log10(low)), every = Math.ceil(decades / 6), all = [];
	for (let e = first; 10 ** e <= high * 1.001; e += every) {
		for (const m of decades < 2 ? [1, 2, 5] : [1]) {
			const v = m * 10 ** e;
			if (v >= low * 0.999 && v <= high * 1.001) all.push([v, decades < 2 || e === 0 ? number(v) : power(e)]);
		}
	}
	return all;
}

// scale maps values from low to high to the pixels between two ends, and back.
function scale(low, high, from, to, log = false) {
	const f = log ? Math.log10 : v => v, inverse = log ? v => 10 ** v : v => v;
	const a = f(low), b = f(high);
	return {
		low, high, from, to, log,
		at: v => from + (f(v) - a) / (b - a) * (to - from),
		of: pixel => inverse(a + (pixel - from) / (to - from) * (b - a)),
	};
}

// range is that of values without the far ones: it ends eight times the spread of the middle 80 % away from these, so
// that a spike doesn't squeeze the rest flat.
function range(values) {
	const sorted = Float64Array.from(values).sort(), last = sorted.length - 1, low = sorted[0], high = sorted[last];
	const bottom = sorted[Math.floor(last / 10)], top = sorted[last - Math.floor(last / 10)], reach = 8 * (top - bottom);
	return reach > 0 ? [Math.max(low, bottom - reach), Math.min(high, top + reach)] : [low, high];
}

// smooth averages values with their neighbours, with weights that fall exponentially in both directions. Those outside
// of the picture, which goes from low to high, count as its edges; where it is logarithmic, so is the mean.
function smooth(values, low, high, log) {
	if (log) return smooth(values.map(Math.log), Math.log(low), Math.log(high)).map(Math.exp);
	values = values.map(v => Math.min(Math.max(v, low), high));
	const decay = Math.exp(-1 / Math.max(0.5, values.length / 100));
	const out = values.slice(), weights = [];
	let sum = 0, total = 0;
	values.forEach((v, i) => {
		sum = decay * sum + v;
		total = decay * total + 1;
		out[i] = sum;
		weights[i] = total;
	});
	sum = total = 0;
	for (let i = values.length - 1; i >= 0; i--) {
		sum *= decay;
		total *= decay;
		out[i] = (out[i] + sum) / (weights[i] + total);
		sum += values[i];
		total += 1;
	}
	return out;
}

// A card holds one picture with its title, and shows what is under the pointer.
class Card {
	constructor(title, ...controls) {
		this.title = node("h2", {textContent: title});
		this.legend = node("span", {className: "legend"});
		this.picture = shape("svg", {role: "img", "aria-label": title});
		this.tip = node("div", {className: "tip", hidden: true});
		const caption = node("figcaption", {}, this.title, this.legend, ...controls);
		this.root = node("figure", {className: "card"}, caption, this.picture, this.tip);
		byId("charts").append(this.root);
		new ResizeObserver(() => {
			if (this.place().width !== this.width) this.draw();
		}).observe(this.root);
		for (const name of ["pointermove", "pointerdown"]) {
			this.picture.addEventListener(name, e => this.point(e.clientX - this.place().left, e.clientY - this.place().top));
		}
		for (const name of ["pointerleave", "pointercancel"]) this.picture.addEventListener(name, () => this.point());
	}

	place() {
		return this.picture.getBoundingClientRect();
	}

	// draw begins a new picture; paint, a method of the subclasses, goes on.
	draw() {
		const {width} = this.place();
		this.width = width;
		if (!this.data || width < 50) return;
		const height = this.height(width);
		this.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
		this.picture.setAttribute("height", height);
		this.picture.replaceChildren();
		this.box = {left: 52, right: width - 8, top: 22, bottom: height - 36};
		this.paint();
		this.cursor = shape("line", {class: "axis", y1: this.box.top, y2: this.box.bottom, visibility: "hidden"});
		this.picture.append(this.cursor);
		if (this.at) this.point(...this.at);
	}

	axes(x, y, xTicks, yTicks, unit) {
		const {left, right, top, bottom} = this.box, picture = this.picture;
		for (const [v, label] of yTicks) {
			picture.append(
				shape("line", {class: "grid", x1: left, x2: right, y1: y.at(v), y2: y.at(v)}),
				shape("text", {x: left - 7, y: y.at(v) + 4, "text-anchor": "end"}, label),
			);
		}
		let end = -Infinity; // of the label before
		for (const [v, label] of xTicks) {
			const half = label.length * 3.5, place = Math.min(x.at(v), right + 8 - half);
			picture.append(shape("line", {class: "axis", x1: x.at(v), x2: x.at(v), y1: bottom, y2: bottom + 4}));
			if (place - half < end + 8) continue;
			picture.append(shape("text", {x: place, y: bottom + 17, "text-anchor": "middle"}, label));
			end = place + half;
		}
		picture.append(
			shape("path", {class: "axis", d: `M${left},${top}V${bottom}H${right}`}),
			shape("text", {x: 0, y: 11}, unit),
			shape("text", {x: (left + right) / 2, y: bottom + 33, "text-anchor": "middle"}, "training step"),
		);
	}

	steps(low, high) {
		const x = scale(low, high > low ? high : low + 1, this.box.left, this.box.right);
		const marks = ticks(x.low, x.high, Math.max(2, (x.to - x.from) / 90), 1);
		return [x, marks.map(([v]) => [v, v < 1e6 ? whole.format(v) : compact(v)])];
	}

	// point shows what is at a place of the picture, or nothing.
	point(x, y) {
		this.at = x === undefined ? undefined : [x, y];
		const told = this.at && this.box && this.tell(x, y);
		this.tip.hidden = !told;
		this.cursor?.setAttribute("visibility", told ? "visible" : "hidden");
		if (!told) return;
		this.cursor.setAttribute("x1", told.x);
		this.cursor.setAttribute("x2", told.x);
		this.tip.textContent = told.text;
		const place = this.place(), root = this.root.getBoundingClientRect(), size = this.tip.offsetWidth;
		const left = place.left - root.left + told.x, flip = left + size + 16 > root.width;
		this.tip.style.left = `${Math.max(4, flip ? left - size - 10 : left + 10)}px`;
		this.tip.style.top = `${place.top - root.top + 24}px`;
	}
}

// A chart shows lines over the training steps.
class Chart extends Card {
	constructor(title) {
		const box = node("input", {type: "checkbox"});
		super(title, node("label", {}, box, "log scale"));
		this.log = box;
		box.addEventListener("change", () => this.draw());
	}

	height(width) {
		return this.root.classList.contains("wide") ? Math.min(340, Math.max(230, width * 0.4)) : 230;
	}

	update(data) {
		this.data = data;
		this.root.classList.toggle("wide", data.lines.length > 1 || data.name === "Loss");
		this.legend.replaceChildren();
		if (data.lines.length > 1) {
			data.lines.forEach(l => this.legend.append(node("span", {}, node("i", {className: kind(l)}), l.name)));
		}
		this.draw();
	}

	paint() {
		const {left, right, top, bottom} = this.box;
		const usable = values => values.filter(v => v !== null && (!log || v > 0));
		const log = this.log.checked && this.data.lines.some(l => l.mean.some(v => v > 0));
		let [low, high] = [Infinity, -Infinity];
		for (const l of this.data.lines) {
			const values = usable([...l.mean, ...l.low ?? [], ...l.high ?? []]);
			if (values.length === 0) continue;
			const [a, b] = log ? [values.reduce(least), values.reduce(greatest)] : range(values);
			[low, high] = [Math.min(low, a), Math.max(high, b)];
		}
		if (low > high) [low, high] = [0, 1];
		const soft = l => l.smooth && l.mean.length > 20 ? smooth(l.mean, low, high, log) : l.mean;
		const lines = this.data.lines.map(l => ({...l, soft: soft(l)}));
		if (log) {
			[low, high] = high > low * 1.05 ? [low / (high / low) ** 0.05, high * (high / low) ** 0.05] : [low / 1.5, high * 1.5];
		} else {
			if (this.data.whole) low = Math.min(0, low);
			const margin = high > low ? 0.06 * (high - low) : 0.1 * Math.abs(high) || 1;
			[low, high] = [this.data.whole && low === 0 ? 0 : low - margin, high + margin];
		}
		const first = Math.min(...lines.map(l => l.steps[0])), last = Math.max(...lines.map(l => l.steps.at(-1)));
		const [x, xTicks] = this.steps(first <= 1 || first < last / 10 ? 0 : first, last);
		const y = scale(low, high, bottom, top, log);
		this.axes(x, y, xTicks, log ? powers(low, high) : ticks(low, high, 5), this.data.unit);
		this.scales = {x, y};

		const clip = `clip-${this.title.textContent.replace(/\W/g, "-")}`;
		const inside = shape("rect", {x: left - 8, y: top - 2, width: right - left + 16, height: bottom - top + 4});
		this.picture.append(shape("clipPath", {id: clip}, inside));
		for (const l of lines) {
			const group = shape("g", {class: kind(l), "clip-path": `url(#${clip})`});
			this.picture.append(group);
			// What lies outside of a logarithmic axis, or far away, is drawn just outside of the picture.
			const height = v => log && !(v > 0) ? bottom + 9 : Math.min(Math.max(y.at(v), top - 1e4), bottom + 1e4);
			const place = (i, v) => `${x.at(l.steps[i]).toFixed(1)},${height(v).toFixed(1)}`;
			const path = all => {
				let d = "";
				all.forEach((v, i) => {
					if (v !== null) d += `${d === "" || all[i - 1] === null ? "M" : "L"}${place(i, v)}`;
				});
				return d;
			};
			if (l.low) {
				const back = l.low.map((v, i) => place(i, v)).reverse();
				group.append(shape("path", {class: "band", d: `M${l.high.map((v, i) => place(i, v)).join("L")}L${back.join("L")}Z`}));
			}
			if (l.soft !== l.mean) group.append(shape("path", {class: "raw", d: path(l.mean)}));
			group.append(shape("path", {class: "line", d: path(l.soft)}));
			if (l.mean.length === 1 || !l.smooth && kind(l) === "second" && l.mean.length <= 80) {
				l.mean.forEach((v, i) => {
					const [cx, cy] = place(i, v).split(",");
					group.append(shape("circle", {class: "dot", cx, cy, r: 3}));
				});
			}
			if (kind(l) === "second" && l.mean.length > 1) {
				const best = l.mean.reduce((best, v, i) => v < l.mean[best] ? i : best, 0);
				const [cx, cy] = place(best, l.mean[best]).split(",");
				group.append(shape("circle", {class: "ring", cx, cy, r: 6.5}));
			}
		}
		this.lines = lines;
	}

	tell(px) {
		const {x} = this.scales, step = x.of(Math.min(Math.max(px, x.from), x.to));
		const nearest = steps => steps.reduce((best, s, i) => Math.abs(s - step) < Math.abs(steps[best] - step) ? i : best, 0);
		const near = this.lines.map(l => nearest(l.steps));
		const at = this.lines[0].steps[near[0]];
		const text = [`step ${whole.format(at)}`];
		this.lines.forEach((l, n) => {
			const i = near[n];
			let line = `${l.name} ${number(l.mean[i])}`;
			if (l.low && l.low[i] !== l.high[i]) line += ` (${number(l.low[i])} to ${number(l.high[i])})`;
			if (l.steps[i] !== at) line += ` at step ${whole.format(l.steps[i])}`;
			text.push(line);
		});
		return {x: x.at(at), text: text.join("\n")};
	}
}

function kind(line) {
	return line.name === "validation" ? "second" : "first";
}

// Viridis, by Nathaniel Smith and Stéfan van der Walt, at eighths.
const viridis = [
	[68, 1, 84], [71, 45, 123], [59, 82, 139], [44, 114, 142], [33, 145, 140],
	[40, 174, 128], [94, 201, 98], [173, 220, 48], [253, 231, 37],
];

function colour(part) {
	const place = Math.min(Math.max(part, 0), 1) * (viridis.length - 1), i = Math.min(Math.floor(place), viridis.length - 2);
	return viridis[i].map((v, c) => v + (place - i) * (viridis[i + 1][c] - v));
}

// bitmap is the address of a picture whose pixels are parts of the colour scale, or undefined.
function bitmap(width, height, part) {
	const canvas = node("canvas", {width, height}), context = canvas.getContext("2d");
	const pixels = context.createImageData(width, height);
	for (let y = 0, i = 0; y < height; y++) {
		for (let x = 0; x < width; x++, i += 4) {
			const p = part(x, y);
			if (p !== undefined) pixels.data.set([...colour(p), 255], i);
		}
	}
	context.putImageData(pixels, 0, 0);
	return canvas.toDataURL();
}

// The flow chart shows the norms of a state's gradient, time step by training step.
class FlowChart extends Card {
	constructor() {
		const states = node("select", {ariaLabel: "state"});
		super("Gradient flow through time", node("label", {}, "state ", states));
		this.states = states;
		this.root.classList.add("wide");
		states.addEventListener("change", () => this.draw());
	}

	height(width) {
		return Math.min(320, Math.max(240, width * 0.35));
	}

	update(data) {
		this.data = data;
		const names = data.map(f => f.state), selected = Math.max(0, this.states.selectedIndex);
		if (String(names) !== String(this.names)) {
			this.names = names;
			this.states.replaceChildren(...names.map(textContent => node("option", {textContent})));
			this.states.selectedIndex = Math.min(selected, names.length - 1);
		}
		this.draw();
	}

	paint() {
		const {rows, time} = this.data[this.states.selectedIndex];
		this.box.right -= 62;
		const {left, right, top, bottom} = this.box;
		const norms = rows.flatMap(r => r.norms).filter(v => v > 0);
		let high = norms.reduce(greatest, 0) || 1;
		let low = Math.max(norms.reduce(least, high), high * 1e-12);
		if (low === high) [low, high] = [low / 2, high * 2];
		const part = v => v > 0 ? Math.log(v / low) / Math.log(high / low) : 0;

		const last = rows.at(-1).step, gap = rows.length > 1 ? rows[1].step - rows[0].step : 1;
		const [x, xTicks] = this.steps(Math.max(0, rows[0].step - gap), last), y = scale(0, time, bottom, top);
		this.axes(x, y, xTicks, ticks(0, time, Math.min(time, 6), 1), "time step of the window");
		const columns = Math.min(400, Math.round(right - left)), cells = Math.min(time, 100);
		const rowAt = step => rows.find(r => r.step >= step) ?? rows.at(-1);
		const drawn = Array.from({length: columns}, (_, i) => rowAt(x.low + (i + 0.5) / columns * (x.high - x.low)));
		const href = bitmap(columns, cells, (i, j) => {
			const v = this.normAt(drawn[i], (cells - j - 0.5) / cells * time);
			return v === undefined || v === null ? undefined : part(v);
		});
		const bar = bitmap(1, 64, (_, j) => 1 - j / 63), z = scale(low, high, bottom, top, true);
		this.picture.append(
			shape("image", {x: left, y: top, width: right - left, height: bottom - top, preserveAspectRatio: "none", href}),
			shape("image", {x: right + 14, y: top, width: 12, height: bottom - top, preserveAspectRatio: "none", href: bar}),
			shape("text", {x: right + 70, y: 11, "text-anchor": "end"}, "norm"),
			...powers(low, high).map(([v, label]) => shape("text", {x: right + 31, y: z.at(v) + 4}, label)),
		);
		this.shown = {x, y, rowAt};
	}

	normAt(row, time) {
		return time < row.time ? row.norms[Math.floor(time / row.time * row.norms.length)] : undefined;
	}

	tell(px, py) {
		const {x, y, rowAt} = this.shown;
		if (px < x.from || px > x.to || py < y.to || py >= y.from) return undefined;
		const row = rowAt(x.of(px)), time = Math.max(0, y.of(py)), norm = this.normAt(row, time);
		return {x: px, text: `step ${whole.format(row.step)}, time step ${Math.floor(time) + 1}\nnorm ${number(norm)}`};
	}
}

// The page

const charts = new Map();
let flowChart;

function show(data) {
	document.title = `${data.steps ? `${Math.floor(100 * data.step / data.steps)} % ` : ""}${data.title}`;
	byId("title").textContent = data.title;
	status(data.status, data.message ? `${data.status}: ${data.message}` : data.status);
	byId("progress").hidden = !data.steps;
	if (data.steps) byId("progress").value = data.step / data.steps;

	const perplexity = data.nats && typeof data.loss === "number" && data.loss < 30 ? `perplexity ${number(Math.exp(data.loss))}` : "";
	const numbers = [
		["Step", whole.format(data.step), data.steps ? `of ${whole.format(data.steps)}` : ""],
		["Training loss", number(data.loss), perplexity],
		["Speed", data.speed ? compact(data.speed) : "–", `tokens/s, ${compact(data.tokens)} in all`],
		["Time", duration(data.elapsed), data.left === null ? "" : `${duration(data.left)} left`],
	];
	if (data.validation) {
		const best = data.best ? `best ${number(data.best.loss)} at step ${whole.format(data.best.step)}` : "";
		numbers.splice(2, 0, ["Validation loss", number(data.validation.loss), best]);
	}
	byId("numbers").replaceChildren(...numbers.map(([name, value, more]) => node("div", {},
		node("dt", {textContent: name}), node("dd", {textContent: value}), node("dd", {className: "more", textContent: more}))));

	const names = new Set(data.charts?.map(c => c.name));
	for (const [name, chart] of charts) {
		if (names.has(name)) continue;
		chart.root.remove();
		charts.delete(name);
	}
	for (const c of data.charts ?? []) {
		if (!charts.has(c.name)) charts.set(c.name, new Chart(c.name));
		charts.get(c.name).update(c);
	}
	if (!data.flows && flowChart) {
		flowChart.root.remove();
		flowChart = undefined;
	}
	if (data.flows) (flowChart ??= new FlowChart()).update(data.flows);

	const texts = byId("texts"), content = JSON.stringify(data.texts);
	if (texts.content === content) return; // and may be selected or scrolled
	texts.content = content;
	texts.hidden = !data.texts;
	texts.lastElementChild.replaceChildren(...(data.texts ?? []).map(t => node("article", {className: "card"},
		node("h3", {textContent: `${t.name}, step ${whole.format(t.step)}`}), node("pre", {textContent: t.text}))));
}

function status(name, text) {
	byId("status").className = name;
	byId("status").textContent = text;
}

const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

async function follow() {
	let version = "", over = false;
	for (;;) {
		if (document.hidden) await new Promise(done => document.addEventListener("visibilitychange", done, {once: true}));
		try {
			const answer = await fetch(`data?version=${encodeURIComponent(version)}`, {cache: "no-store"});
			if (!answer.ok) throw new Error(answer.statusText);
			if (answer.status !== 204) {
				const data = await answer.json();
				show(data);
				version = data.version;
				over = data.status !== "training";
			}
			if (over) await pause(5000);
		} catch {
			// The program may end, and another one may begin under the same address.
			if (!over) status("lost", "no connection");
			version = "";
			await pause(5000);
		}
	}
}

follow();
