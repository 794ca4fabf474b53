// A way through the login ends at the page without its fragment: that waits here.
try { if (location.hash.length > 2) sessionStorage.setItem("place", location.hash); } catch { /* then the list it is */ }
