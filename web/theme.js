// Runs before the first paint: the visitor's own choice of light or dark; without one the system's holds.
'use strict';
try {
  const theme = JSON.parse(localStorage.getItem('theme'));
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch { /* storage may be switched off */ }
