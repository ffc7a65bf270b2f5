// --- where the data comes from: this very file, or the server that sent the page

const embedded = {
  data: () => inflate(fromBase64(get("data").textContent)),
  sheet: async (number) => fromBase64(get(`sheet-${number}`).textContent),
  version: async () => "",
};

const served = {
  data: async () => inflate(await ask("data")),
  sheet: (number) => ask(`sheets/${number}`),
  version: async () => new TextDecoder().decode(await ask("version")),
};

const source = get("data").textContent ? embedded : served;

async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

function fromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

// Lists given as changes, each from the one before.
function unfold(changes) {
  let last = [];
  return changes.map((change) => {
    if (change.length) last = last.slice();
    for (const [at, gone, come] of change.toReversed()) last.splice(at, gone, ...come);
    return last;
  });
}
