// Niceties only: every page works without this file.
(() => {
  "use strict";

  // A form that must not be sent twice: its button is disabled after the first click. The form carries the key that
  // makes a second sending harmless anyway.
  const arm = (form) => {
    const button = form.querySelector("button[type=submit]");
    if (!button) return;
    const text = button.innerHTML;
    const release = () => {
      delete form.dataset.sent;
      button.removeAttribute("aria-disabled");
      button.disabled = false;
      button.innerHTML = text;
    };
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
      button.setAttribute("aria-disabled", "true");
      if (button.dataset.busy) button.textContent = button.dataset.busy;
      // After the browser has taken the form's fields, of which the button may be one.
      setTimeout(() => { button.disabled = true; }, 0);
    });
    // A page that comes back from the browser's history must be usable again.
    window.addEventListener("pageshow", (event) => { if (event.persisted) release(); });
  };

  // The departure follows the arrival: at least one night later, and by as many nights as before.
  const nextDay = (text, days) => {
    const date = new Date(text + "T00:00:00Z");
    if (Number.isNaN(date.getTime())) return "";
    date.setUTCDate(date.getUTCDate() + days);
    return date.toISOString().slice(0, 10);
  };
  const nights = (from, to) =>
    Math.round((Date.parse(to + "T00:00:00Z") - Date.parse(from + "T00:00:00Z")) / 86400000);
  const follow = (fields) => {
    const arrival = fields.querySelector("input[name=arrival]");
    const departure = fields.querySelector("input[name=departure]");
    if (!arrival || !departure) return;
    let length = Math.max(1, nights(arrival.value, departure.value) || 1);
    const bound = () => {
      const earliest = nextDay(arrival.value, 1);
      if (earliest) departure.min = earliest;
    };
    arrival.addEventListener("change", () => {
      bound();
      if (arrival.value && !(departure.value > arrival.value)) departure.value = nextDay(arrival.value, length);
    });
    departure.addEventListener("change", () => {
      length = Math.max(1, nights(arrival.value, departure.value) || 1);
    });
    bound();
  };

  document.querySelectorAll("form[data-once]").forEach(arm);
  document.querySelectorAll("[data-stay]").forEach(follow);

  // What went wrong is read out, and the keyboard continues from there.
  const notice = document.querySelector("#notice[role=alert]");
  if (notice) notice.focus();

  // A payment that is under way: look again after a while, while the page is being looked at.
  if (document.querySelector("[data-watch]")) {
    setTimeout(() => { if (!document.hidden) location.reload(); }, 5000);
  }
})();
