// --- the film strip: of a thousand steps, only those in view are in the document and decoded

const CELL = 120;
const KEPT_THUMBNAILS = 300;
const thumbnails = new Map();
const thumbnailComposer = new Composer();
let drawing = Promise.resolve();

const strip = new LongList(get("strip"), "x", CELL, (index) => stripButton(shown[index]));

listeners.push((elsewhere) => {
  if (elsewhere) strip.reset(shown.length);
  for (const button of get("strip").querySelectorAll("button")) markStripButton(button);
  const index = shown.indexOf(place.step);
  if (index >= 0) strip.reveal(index);
  get("none").hidden = shown.length > 0 || !isFiltered();
});

function stripButton(at) {
  const one = steps()[at];
  const what = one.deeds.length ? one.deeds.map((deed) => deed.verb).join(", ") : one.say;
  const short = one.deeds.length > 1 ? `${one.deeds[0].verb} +${one.deeds.length - 1}` : what;
  const signs = [hasFailed(one) ? "failed" : "", one.signals.length ? "guardrail" : ""].filter(Boolean);
  const picture = make("canvas", { width: 104, height: 59, "aria-hidden": "true" });
  if (one.frame !== null) drawThumbnail(picture, one.frame);
  const button = make(
    "button",
    {
      type: "button",
      class: signs.join(" "),
      "data-step": at,
      "aria-label": [`Step ${at + 1}: ${what}`, ...signs].join(", "),
      onclick: () => moveTo({ ...place, step: at }),
    },
    picture,
    make("span", { class: "label" }, make("span", {}, `${at + 1}`), make("span", {}, short)),
  );
  markStripButton(button);
  return button;
}

function markStripButton(button) {
  if (button.dataset.step === String(place.step)) button.setAttribute("aria-current", "step");
  else button.removeAttribute("aria-current");
}

// One after the other: neighbours have most tiles in common.
function drawThumbnail(picture, frame) {
  drawing = drawing.then(async () => {
    if (!picture.isConnected) return;
    const small = thumbnails.get(frame) ?? (await makeThumbnail(frame));
    picture.getContext("2d").drawImage(small, 0, 0);
  });
}

async function makeThumbnail(frame) {
  await thumbnailComposer.show(frame);
  const small = make("canvas", { width: 104, height: 59 });
  const context = small.getContext("2d");
  context.imageSmoothingQuality = "medium";
  const { width, height } = page.frames[frame];
  const scale = Math.min(104 / width, 59 / height);
  context.drawImage(
    thumbnailComposer.canvas,
    (104 - width * scale) / 2,
    (59 - height * scale) / 2,
    width * scale,
    height * scale,
  );
  thumbnails.set(frame, small);
  if (thumbnails.size > KEPT_THUMBNAILS) thumbnails.delete(thumbnails.keys().next().value);
  return small;
}
