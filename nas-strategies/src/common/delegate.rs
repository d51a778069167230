//! Strategies that put a name and parameters on a search which several strategies share.

/// Implements [`Strategy`](nas_api::Strategy) for a newtype by calling the strategy in its only field.
macro_rules! delegate_strategy {
    ($newtype:ty) => {
        impl nas_api::Strategy for $newtype {
            fn ask(&mut self, limit: u32, space: &mut dyn nas_api::Space) -> nas_api::Result<Vec<nas_api::Proposal>> {
                self.0.ask(limit, space)
            }

            fn tell(
                &mut self,
                observations: &[nas_api::Observation],
                space: &mut dyn nas_api::Space,
            ) -> nas_api::Result<()> {
                self.0.tell(observations, space)
            }

            fn finished(&self) -> bool {
                self.0.finished()
            }
        }
    };
}

pub(crate) use delegate_strategy;
