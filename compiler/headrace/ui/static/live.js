// What htmx does not do by itself: it says when the server is gone, and asks nothing for a tab that
// nobody sees. Pages work without this file.
"use strict";

const gone = () => document.getElementById("gone");

document.addEventListener("htmx:beforeRequest", (event) => {
  const isPoll = event.detail.requestConfig.triggeringEvent === undefined;
  if (isPoll && document.hidden) event.preventDefault();
});
document.addEventListener("htmx:sendError", () => { gone().hidden = false; });
document.addEventListener("htmx:responseError", () => { gone().hidden = false; });
document.addEventListener("htmx:afterOnLoad", () => { gone().hidden = true; });
