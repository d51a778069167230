//! The guest's side of the contract, which turns an implementation of a trait into a component. It exists for wasm32
//! only.
//!
//! The bindings use this crate's own types for the contract's interface `types`, which saves a copy of every value that
//! crosses the border.

mod allocator;
mod convert;
pub mod evaluator;
pub mod log;
pub mod shared;
pub mod space;
pub mod strategy;

/// Exports a [`StrategyPlugin`](crate::StrategyPlugin) as a component.
#[macro_export]
macro_rules! export_strategy {
    ($strategy:ty) => {
        const _: () = {
            type Component = $crate::guest::strategy::Component<$strategy>;
    $crate::guest::strategy::export_component!(Component with_types_in $crate::guest::strategy::bindings);
        };
    };
}

/// Exports a [`SearchSpace`](crate::SearchSpace) as a component.
#[macro_export]
macro_rules! export_space {
    ($space:ty) => {
        const _: () = {
            type Component = $crate::guest::space::Component<$space>;
    $crate::guest::space::export_component!(Component with_types_in $crate::guest::space::bindings);
        };
    };
}

/// Exports an [`EvaluatorPlugin`](crate::EvaluatorPlugin) as a component.
#[macro_export]
macro_rules! export_evaluator {
    ($evaluator:ty) => {
        const _: () = {
            type Component = $crate::guest::evaluator::Component<$evaluator>;
    $crate::guest::evaluator::export_component!(Component with_types_in $crate::guest::evaluator::bindings);
        };
    };
}

/// The state of the opened plugin. A component has one thread and one plugin, so one slot per kind of plugin is enough.
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

    /// Runs `code` on the content, if there is any.
    pub fn try_with<R>(&self, code: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.0.borrow_mut().as_mut().map(|content| code(content))
    }

    /// Runs `code` on the plugin. Traps if it was never opened, which the host prevents.
    pub fn with<R>(&self, code: impl FnOnce(&mut T) -> R) -> R {
        let mut slot = self.0.borrow_mut();
        let Some(plugin) = slot.as_mut() else { log::fatal("the plugin was called before it was opened") };
        code(plugin)
    }
}
