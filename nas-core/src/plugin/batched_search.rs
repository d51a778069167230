//! Searches that call their strategy less often.

use std::collections::VecDeque;

use nas_api::{Observation, OpenSpace, Proposal};

use super::{PluginError, Search};

/// The number of proposals that one call asks for.
const BATCH: u32 = 128;

/// A search whose strategy [serves](nas_api::StrategyInfo::serves) `batched-asks`. The strategy is asked for more proposals
/// than are measured side by side and is told results in batches, so that a component is called less often. It proposes
/// the same as otherwise: the strategy declares that, and the conformance suite checks it.
pub struct BatchedSearch {
    inner: Box<dyn Search>,
    /// Proposals that have not been asked for yet.
    ready: VecDeque<Proposal>,
    /// Results that the strategy has not been told yet.
    untold: Vec<Observation>,
    /// The number of trials that may still be asked for; `None` means no limit.
    left: Option<u32>,
}

impl BatchedSearch {
    /// Wraps a search. `trials` is the maximum number of trials; `None` means no limit.
    pub fn new(inner: Box<dyn Search>, trials: Option<u32>) -> Self {
        Self { inner, ready: VecDeque::new(), untold: Vec::new(), left: trials }
    }

    /// Tells the strategy all results that it has not been told yet.
    fn tell_all(&mut self) -> Result<(), PluginError> {
        if self.untold.is_empty() {
            return Ok(());
        }
        self.inner.tell(std::mem::take(&mut self.untold))
    }
}

impl Search for BatchedSearch {
    fn ask(&mut self, limit: u32) -> Result<Vec<Proposal>, PluginError> {
        let limit = limit as usize;
        while self.ready.len() < limit {
            // The difference fits, because `limit` was a u32.
            let missing = (limit - self.ready.len()) as u32;
            let asked = missing.max(self.left.map_or(BATCH, |left| left.min(BATCH)));
            self.tell_all()?;
            let proposals = self.inner.ask(asked)?;
            if proposals.is_empty() {
                break;
            }
            self.left = self.left.map(|left| left.saturating_sub(proposals.len() as u32));
            self.ready.extend(proposals);
        }
        let count = limit.min(self.ready.len());
        Ok(self.ready.drain(..count).collect())
    }

    fn tell(&mut self, observations: Vec<Observation>) -> Result<(), PluginError> {
        if observations.iter().any(|observation| observation.trial.is_none()) {
            // Results of earlier searches arrive before anything is asked for, and may change all proposals.
            self.tell_all()?;
            return self.inner.tell(observations);
        }
        self.untold.extend(observations);
        Ok(())
    }

    fn finished(&mut self) -> Result<bool, PluginError> {
        if !self.ready.is_empty() {
            return Ok(false);
        }
        self.tell_all()?;
        self.inner.finished()
    }

    fn space(&mut self) -> Result<&mut dyn OpenSpace, PluginError> {
        self.inner.space()
    }
}
