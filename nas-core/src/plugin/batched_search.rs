use std::collections::VecDeque;

use nas_api::{Observation, OpenSpace, Proposal};

use super::{PluginError, Search};

/// Proposals that are asked for at once.
const AT_ONCE: u32 = 128;

/// A search whose strategy [serves](nas_api::StrategyInfo::serves) `ahead`: it is asked for more than is measured at
/// once and told in batches, so that there are few calls of a component. What it proposes is the same, by its word and
/// by the conformance suite; only the calls are fewer.
pub struct BatchedSearch {
    inner: Box<dyn Search>,
    /// Proposed, and not asked for yet.
    ready: VecDeque<Proposal>,
    /// Results that the strategy has not been told of.
    told: Vec<Observation>,
    /// Trials that may still be asked for.
    left: Option<u32>,
}

impl BatchedSearch {
    /// `trials`: at most so many are measured.
    pub fn new(inner: Box<dyn Search>, trials: Option<u32>) -> Self {
        Self { inner, ready: VecDeque::new(), told: Vec::new(), left: trials }
    }

    fn tell_all(&mut self) -> Result<(), PluginError> {
        if self.told.is_empty() {
            return Ok(());
        }
        self.inner.tell(std::mem::take(&mut self.told))
    }
}

impl Search for BatchedSearch {
    fn ask(&mut self, limit: u32) -> Result<Vec<Proposal>, PluginError> {
        let limit = limit as usize;
        while self.ready.len() < limit {
            // At most `limit`, which is a u32.
            let missing = (limit - self.ready.len()) as u32;
            let asked = missing.max(self.left.map_or(AT_ONCE, |left| left.min(AT_ONCE)));
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
            // Knowledge from elsewhere may change what comes next, and comes before anything is asked for.
            self.tell_all()?;
            return self.inner.tell(observations);
        }
        self.told.extend(observations);
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
