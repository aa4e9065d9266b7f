// Suggest models for the chosen make. The form works without this.
const make = document.getElementById("manufacturer");
const models = document.getElementById("models");

make.addEventListener("change", async () => {
  models.replaceChildren();
  if (!make.value) return;
  const answer = await fetch(`/suggestions?manufacturer=${encodeURIComponent(make.value)}`);
  if (!answer.ok) return;
  const found = await answer.json();
  models.replaceChildren(...found.models.map((name) => new Option("", name)));
});
