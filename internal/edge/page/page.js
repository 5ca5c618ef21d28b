// The page's script: sends a clip through a pipeline and shows what came of it. It uses the node's public interface alone
// (docs/http.md) and nothing from elsewhere.

const $ = (id) => document.getElementById(id);
const text = (id, value) => { $(id).textContent = value; };
const show = (id, on) => { $(id).hidden = !on; };
const MB = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 1) + " MB";
const seconds = (ms) => (ms / 1000).toFixed(1) + " s";

// element makes one with text in it.
const element = (name, textContent, more = {}) => Object.assign(document.createElement(name), { textContent, ...more });

// get reads JSON; an error is the node's own message.
async function get(path) {
  const answer = await fetch(path, { cache: "no-store" });
  const body = await answer.json();
  if (!answer.ok) throw new Error(messageOf(body, answer.status));
  return body;
}

const messageOf = (body, status) => body?.error?.message ?? "The node answered with status " + status + ".";

// protocolOf is what the browser says that an address was fetched over, the last time.
function protocolOf(part) {
  const fetched = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return fetched.filter((e) => e.name.includes(part)).pop()?.nextHopProtocol;
}

async function showClient() {
  const c = await get("/api/v1/client");
  text("proto", protocolOf("/api/v1/client") || c.protocol);
  text("rtt", c.rtt_ms === null ? "not measured" : c.rtt_ms.toFixed(1) + " ms");
  text("addr", c.address);
}

async function showPipelines() {
  const { pipelines } = await get("/api/v1/pipelines");
  $("pipelines").replaceChildren(...pipelines.map((p, i) => {
    const choice = document.createElement("label");
    choice.className = "choice";
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "pipeline", value: p.name, checked: i === 0 });
    const what = element("small", p.summary + (p.gives.includes("verdicts") ? " (with verdicts)" : ""));
    choice.append(input, element("b", p.name), " ", what);
    return choice;
  }));
  $("start").disabled = false;
}

// clip is what the visitor chose, as a Blob.
async function clip(signal) {
  if (new FormData($("form")).get("source") === "file") {
    const file = $("file").files[0];
    if (!file) throw new Error("No file is chosen: choose one, or the test pattern.");
    return file;
  }
  const answer = await fetch("/quicedge/pattern.mp4", { signal });
  if (!answer.ok) throw new Error(messageOf(await answer.json(), answer.status));
  return answer.blob();
}

let running; // the AbortController of the run under way

// send posts a clip and returns the answer's body. fetch does not tell how much it has sent, XMLHttpRequest does. A browser reads
// nothing of an answer before it has sent all: so the node is asked to wait with it.
function send(id, pipeline, body, signal) {
  return new Promise((resolve, reject) => {
    const r = new XMLHttpRequest();
    signal.addEventListener("abort", () => r.abort());
    r.open("POST", "/api/v1/streams/" + id + "?answer=after-upload&pipeline=" + encodeURIComponent(pipeline));
    r.responseType = "blob";
    r.upload.onprogress = (e) => {
      $("upload").value = e.loaded / e.total;
      text("uploadText", MB(e.loaded) + " of " + MB(e.total));
    };
    r.onprogress = (e) => {
      if (r.status !== 200) return;
      $("answer").removeAttribute("value");
      text("answerText", MB(e.loaded) + " received");
    };
    r.onload = async () => {
      if (r.status === 200) return resolve(r.response);
      let said = null;
      try { said = JSON.parse(await r.response.text()); } catch { /* not the node's */ }
      reject(new Error(messageOf(said, r.status)));
    };
    r.onerror = () => reject(new Error("The connection broke off before the answer was whole."));
    r.onabort = () => reject(new Error("Canceled."));
    r.send(body);
  });
}

// stateOf asks how a stream is doing; null where the node does not know it (yet).
async function stateOf(id) {
  const answer = await fetch("/api/v1/streams/" + id, { cache: "no-store" });
  return answer.ok ? answer.json() : null;
}

function showState(s) {
  if (!s) return;
  const total = Math.max(s.duration_ms, s.position_ms); // a video that is still being written may say too little
  if (s.state === "done") $("work").value = 1;
  else if (s.duration_ms > s.position_ms) $("work").value = s.position_ms / total;
  else $("work").removeAttribute("value");
  const rate = s.elapsed_ms > 0 ? (s.frames * 1000 / s.elapsed_ms).toFixed(0) : "0";
  const at = s.state === "done" ? "" : ", " + seconds(s.position_ms) + (s.duration_ms > 0 ? " of " + seconds(total) : "");
  text("workText", s.frames + " frames" + at + ", " + rate + " a second");
}

// order is that of a frame's way; stages of other names come last.
const order = ["generate", "demux", "decode", "convert", "infer", "encode", "mux"];
const place = (stage) => (order.includes(stage) ? order.indexOf(stage) : order.length);

function showTimings(s) {
  const all = Object.values(s.stages).reduce((a, b) => a + b, 0) || 1;
  text("summary", `${s.frames} frames${s.width ? ` of ${s.width}×${s.height}` : ""} in ${seconds(s.elapsed_ms)}, upload and answer included; ` +
    `${MB(s.in_bytes)} in, ${MB(s.out_bytes)} out; sent over ${protocolOf("/streams/" + s.id + "?") || "?"}.`);
  $("timings").replaceChildren(...Object.entries(s.stages).sort(([a], [b]) => place(a) - place(b)).map(([stage, ms]) => {
    const row = document.createElement("tr");
    const share = element("td", "");
    const percent = (100 * ms / all).toFixed(0) + " %";
    share.append(element("meter", percent, { max: 1, value: ms / all, title: percent }));
    const number = (value) => element("td", value, { className: "number" });
    row.append(element("th", stage, { scope: "row" }), number(ms.toFixed(1) + " ms"), number(s.frames ? (ms / s.frames).toFixed(2) + " ms" : ""), share);
    return row;
  }));
}

// play puts a Blob into a video element, and lets go of the one before.
function play(id, blob) {
  const old = $(id).src;
  $(id).src = URL.createObjectURL(blob);
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
}

function showVerdicts(verdicts) {
  show("judged", verdicts.length > 0);
  const flagged = verdicts.filter((v) => v.flagged?.length);
  text("verdict", `${verdicts.length} pictures judged, ${flagged.length} of them flagged.`);
  $("verdicts").replaceChildren(...verdicts.map((v) => {
    const row = document.createElement("tr");
    const scores = Object.entries(v.scores).sort((a, b) => b[1] - a[1]).map(([label, score]) => `${label} ${score.toFixed(2)}`);
    row.append(element("th", seconds(v.position_ms), { scope: "row" }), element("td", v.flagged?.join(", ") ?? ""), element("td", scores.join(", ")));
    return row;
  }));
}

function showResult(before, after) {
  play("before", before);
  play("after", after);
  $("save").href = $("after").src;
  show("result", true);
}

function begin() {
  for (const id of ["error", "result"]) show(id, false);
  show("progress", true);
  show("cancel", true);
  running = new AbortController();
  $("start").disabled = true;
  $("upload").value = $("answer").value = 0;
  $("work").removeAttribute("value");
  for (const id of ["uploadText", "workText", "answerText"]) text(id, "");
  text("status", "Working…");
}

function end() {
  show("cancel", false);
  $("start").disabled = false;
  running = undefined;
}

async function process() {
  const id = "page-" + [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, "0")).join("");
  begin();
  const { signal } = running;
  let watch;
  try {
    const before = await clip(signal);
    watch = setInterval(() => stateOf(id).then((s) => { if (watch) showState(s); }).catch(() => {}), 400);
    const after = await send(id, new FormData($("form")).get("pipeline"), before, signal);
    watch = clearInterval(watch);
    $("answer").value = 1;
    const state = await stateOf(id);
    if (state) {
      showState(state);
      showTimings(state);
      showVerdicts(state.verdicts ?? []);
    }
    showResult(before, after);
    text("status", "Done.");
  } catch (failure) {
    const said = watch && !signal.aborted ? await stateOf(id).catch(() => null) : null; // an answer that was cut off cannot say why
    show("progress", false);
    text("status", "");
    text("error", signal.aborted ? "Canceled." : said?.error?.message ?? failure.message);
    show("error", true);
  } finally {
    watch = clearInterval(watch);
    end();
    showClient().catch(() => {});
  }
}

function fail(failure) {
  text("error", failure.message);
  show("error", true);
}

showClient().catch(() => {});
if ($("form")) {
  $("form").addEventListener("submit", (e) => { e.preventDefault(); process(); });
  $("file").addEventListener("change", () => { document.querySelector("input[value=file]").checked = true; });
  $("cancel").addEventListener("click", () => running?.abort());
  $("both").addEventListener("click", () => {
    for (const v of [$("before"), $("after")]) { v.currentTime = 0; v.play().catch(() => {}); }
  });
  showPipelines().catch((failure) => { text("pipelines", "none"); fail(failure); });
}
