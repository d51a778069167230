//! The log of a plugin.

use super::strategy::bindings::nas::plugin::log::{self, Level};

/// Writes one line for people to the host's log.
pub fn write(line: &str) {
    log::write(Level::Info, line);
}

/// Writes one line that warns the user.
pub fn warn(line: &str) {
    log::write(Level::Warn, line);
}

/// Sends panic messages to the host before the instance aborts. Without this, the host would only see `unreachable`.
pub fn report_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let message = info.payload_as_str().unwrap_or("without a message");
            let location = info.location().map(|location| format!(" ({}:{})", location.file(), location.line()));
            log::write(Level::Error, &format!("panicked: {message}{}", location.unwrap_or_default()));
        }));
    });
}

/// Logs an error and aborts the instance.
pub fn fatal(message: &str) -> ! {
    log::write(Level::Error, message);
    std::process::abort()
}
