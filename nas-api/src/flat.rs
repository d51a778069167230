use crate::{Decision, Error, Graph, Result, SearchSpace, Settings, SpaceInfo, Task};

/// A space whose every genotype makes the same decisions, with the standard answers of [`walk`](crate::walk). It has no
/// networks: it stands in for a [standard](SpaceInfo::standard) space where its questions cost too much to ask.
#[derive(Clone, Debug)]
pub struct Flat {
    info: SpaceInfo,
}

impl Flat {
    /// What answers for this space, if anything but itself can.
    pub fn of(info: SpaceInfo) -> Option<Self> {
        (info.standard && !info.conditional).then_some(Self { info })
    }
}

impl SearchSpace for Flat {
    fn open(_settings: &Settings) -> Result<Self> {
        Err(Error::new("a flat space is made from another space's description"))
    }

    fn info(&self) -> SpaceInfo {
        self.info.clone()
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.info.decisions.get(prefix.len())
    }

    fn build(&self, _genotype: &[u32], _task: &Task) -> Result<Graph> {
        Err(Error::new("a flat space has no networks"))
    }
}
