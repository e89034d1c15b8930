// Owns light, dark or as the system says. Runs before the page is drawn, so
// that it never shows in the wrong colours.

(() => {
  const KEY = 'standin-theme';
  const apply = (/** @type {string | null} */ theme) => {
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  const kept = () => {
    try { return localStorage.getItem(KEY) ?? 'auto'; } catch { return 'auto'; }
  };
  apply(kept());
  window.addEventListener('storage', (event) => { if (event.key === KEY) apply(event.newValue); });
  window.standinTheme = {
    get: kept,
    set(/** @type {string} */ theme) {
      try { localStorage.setItem(KEY, theme); } catch { /* then it lasts as long as this page */ }
      apply(theme);
    },
  };
})();
