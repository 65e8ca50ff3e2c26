// A browser does not load the page's modules from a file on disk; this script, which is none, says so.
if (location.protocol === "file:") {
  document.getElementById("boot").textContent =
    "This page was opened from disk, where a browser does not run its program. Serve its folder instead: unstamp serve FOLDER";
}
