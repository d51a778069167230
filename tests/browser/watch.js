window.watched = { errors: [], refused: [] };
addEventListener("error", (event) => watched.errors.push(String(event.message)), true);
addEventListener("securitypolicyviolation", (event) => watched.refused.push(event.blockedURI));
