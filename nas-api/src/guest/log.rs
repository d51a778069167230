//! What a plugin says to people.

use super::strategy::bindings::nas::plugin::log::{self, Level};

/// One line for people.
pub fn write(line: &str) {
    log::write(Level::Info, line);
}

/// Sends panic messages to the host before the instance aborts; without it the host would only see `unreachable`.
pub fn report_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let words = info.payload_as_str().unwrap_or("without a message");
            let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
            log::write(Level::Error, &format!("panicked: {words}{}", place.unwrap_or_default()));
        }));
    });
}

/// Says why, and ends the instance.
pub fn fatal(message: &str) -> ! {
    log::write(Level::Error, message);
    std::process::abort()
}
