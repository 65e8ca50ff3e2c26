// Starts the page's program. If it fails, a sentence replaces the progress bar.
import init from "./ui.js";

const boot = document.getElementById("boot");
try {
  await init({ module_or_path: "./ui_bg.wasm" });
  boot.remove();
} catch (error) {
  boot.textContent = `The page could not start: ${error.message}. It needs a browser with WebAssembly SIMD.`;
}
