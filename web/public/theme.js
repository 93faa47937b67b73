// Runs before the first paint, so that a dark page never flashes white. The rest is in src/theme/theme.ts.
try {
  const choice = localStorage.getItem("steelyard.theme");
  if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
} catch {
  // No storage: the system decides.
}
