// Says what to do if the page's scripts cannot run; not a module, since browsers run none from a file.
(() => {
  const say = (words) => (document.getElementById("waiting").textContent = words);
  if (location.protocol === "file:")
    say(
      "Browsers run this page from a web server only. Start one in the page's folder with " +
        "“python -m http.server” and open http://localhost:8000.",
    );
  addEventListener(
    "error",
    (event) => {
      if (event.target instanceof HTMLScriptElement && location.protocol !== "file:")
        say(
          "The page's scripts could not be loaded. Reload the page. If that does not help, its web server " +
            "may send files that end in .js with another type than text/javascript.",
        );
    },
    true,
  );
})();
