// Where a model looked: the map over the picture, and the same in words.
const SIDE = 28;
const ROWS = ["top", "middle", "bottom"];
const COLUMNS = ["left", "centre", "right"];

// The map, to be laid over the picture: warm where a part speaks for the class, cool where it speaks
// against it. The browser interpolates between the 28×28 values.
export function mapOf(map) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(SIDE, SIDE);
  const largest = Math.max(...map.flat().map(Math.abs), 1e-9);
  map.flat().forEach((value, index) => {
    const colour = value > 0 ? [255, 130, 20] : [50, 140, 255];
    pixels.data.set([...colour, 225 * (Math.abs(value) / largest) ** 1.2], 4 * index);
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// Which ninths of the picture hold most of what spoke for the class.
export function whereInWords(map) {
  const sums = new Array(9).fill(0);
  map.forEach((row, y) =>
    row.forEach((value, x) => {
      const ninth = 3 * Math.floor((3 * y) / SIDE) + Math.floor((3 * x) / SIDE);
      sums[ninth] += Math.max(value, 0);
    }),
  );
  const total = sums.reduce((sum, value) => sum + value, 0);
  if (total < 1e-6) return "No single part of the picture mattered much.";
  const order = [...sums.keys()].sort((one, other) => sums[other] - sums[one]);
  const named = order.filter((ninth, rank) => rank === 0 || (rank < 3 && sums[ninth] > 0.17 * total));
  const words = named.map(nameOf);
  const list =
    words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words[0];
  return `What spoke for it lies mostly at the ${list}.`;
}

function nameOf(ninth) {
  const [row, column] = [ROWS[Math.floor(ninth / 3)], COLUMNS[ninth % 3]];
  if (row === "middle") return column === "centre" ? "centre" : column;
  return column === "centre" ? row : `${row} ${column}`;
}
