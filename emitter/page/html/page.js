// The page works without this script. With it, what happens meanwhile appears by itself: the parts marked data-live are
// fetched anew and replaced where they changed.
(() => {
  "use strict";
  const every = 2000;

  // A part that is being used stays as it is: a button under the finger, a field with the focus, marked text.
  const used = part => {
    const focused = document.activeElement;
    return part.matches(":active") || (part.contains(focused) && focused.tagName !== "SUMMARY") ||
      (!getSelection().isCollapsed && getSelection().containsNode(part, true));
  };

  const replace = (part, fresh) => {
    const open = [...part.querySelectorAll("details[open][id]")].map(d => d.id);
    const focused = part.contains(document.activeElement) ? document.activeElement.parentElement.id : "";
    for (const details of fresh.querySelectorAll("details[id]")) details.open = open.includes(details.id);
    if (part.innerHTML === fresh.innerHTML) return;
    part.replaceWith(document.adoptNode(fresh));
    if (focused) document.getElementById(focused)?.querySelector("summary")?.focus();
  };

  const refresh = async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href, {redirect: "error"});
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live][id]")) {
      const found = fresh.getElementById(part.id);
      if (found && !used(part)) replace(part, found);
    }
  };

  // A server that went away may come back.
  const loop = () => setTimeout(() => refresh().catch(() => {}).finally(loop), every);
  loop();
})();
