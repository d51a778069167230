//! Warnings of a plugin to the user, beside its results.
//!
//! A component writes them to the host's log (the interface `log` of the contract). What a built-in plugin says is kept
//! for the host, which takes it after the call.

#[cfg(not(target_arch = "wasm32"))]
use std::cell::RefCell;

#[cfg(not(target_arch = "wasm32"))]
thread_local! {
    static KEPT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Most warnings that are kept until the host takes them; a plugin that says more has a defect.
#[cfg(not(target_arch = "wasm32"))]
const MOST: usize = 100;

/// Warns the user, in one line. The command line shows equal lines once.
///
/// This is for what the user should know before a study is paid for, such as a strategy whose random start is longer
/// than the study. What makes a search impossible is an error of [`open`](crate::StrategyPlugin::open) instead.
pub fn warn(line: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::guest::log::warn(line);
    #[cfg(not(target_arch = "wasm32"))]
    KEPT.with_borrow_mut(|kept| {
        if kept.len() < MOST {
            kept.push(line.to_owned());
        }
    });
}

/// Takes the warnings of plugins on this thread since the last call.
#[cfg(not(target_arch = "wasm32"))]
pub fn take() -> Vec<String> {
    KEPT.take()
}

#[cfg(test)]
mod tests {
    #[test]
    fn warnings_are_kept_in_order_until_they_are_taken() {
        super::warn("first");
        super::warn("second");
        assert_eq!(super::take(), ["first", "second"]);
        assert!(super::take().is_empty());
    }
}
