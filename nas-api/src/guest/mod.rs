//! The guest's side of the contract: what turns an implementation of a trait into a component. For wasm32 only.
//!
//! The types of the contract's interface `types` are this crate's own types, so that values cross the border without being
//! copied once more.

mod allocator;
mod convert;
pub mod evaluator;
pub mod log;
pub mod shared;
pub mod space;
pub mod strategy;

/// Turns a [`StrategyPlugin`](crate::StrategyPlugin) into a component; natively it does nothing.
#[macro_export]
macro_rules! export_strategy {
    ($strategy:ty) => {
        const _: () = {
            type Component = $crate::guest::strategy::Component<$strategy>;
    $crate::guest::strategy::export_component!(Component with_types_in $crate::guest::strategy::bindings);
        };
    };
}

/// Turns a [`SearchSpace`](crate::SearchSpace) into a component.
#[macro_export]
macro_rules! export_space {
    ($space:ty) => {
        const _: () = {
            type Component = $crate::guest::space::Component<$space>;
    $crate::guest::space::export_component!(Component with_types_in $crate::guest::space::bindings);
        };
    };
}

/// Turns an [`EvaluatorPlugin`](crate::EvaluatorPlugin) into a component.
#[macro_export]
macro_rules! export_evaluator {
    ($evaluator:ty) => {
        const _: () = {
            type Component = $crate::guest::evaluator::Component<$evaluator>;
    $crate::guest::evaluator::export_component!(Component with_types_in $crate::guest::evaluator::bindings);
        };
    };
}

/// The state of the plugin. A component has one thread and one plugin, so one slot per kind is enough.
pub(crate) struct Slot<T: ?Sized>(std::cell::RefCell<Option<Box<T>>>);

// SAFETY: wasm32-unknown-unknown components have a single thread.
unsafe impl<T: ?Sized> Sync for Slot<T> {}

impl<T: ?Sized> Slot<T> {
    pub const fn empty() -> Self {
        Self(std::cell::RefCell::new(None))
    }

    pub fn fill(&self, plugin: Box<T>) {
        *self.0.borrow_mut() = Some(plugin);
    }

    /// Runs `code` on what is there, if anything is.
    pub fn try_with<R>(&self, code: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.0.borrow_mut().as_mut().map(|content| code(content))
    }

    /// Runs `code` on the plugin; traps where it was never opened, which the host does not let happen.
    pub fn with<R>(&self, code: impl FnOnce(&mut T) -> R) -> R {
        let mut slot = self.0.borrow_mut();
        let Some(plugin) = slot.as_mut() else { log::fatal("the plugin was called before it was opened") };
        code(plugin)
    }
}
