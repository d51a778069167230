//! The subpopulation of one fidelity.

use std::cmp::Reverse;

use crate::Rank;

/// What a measurement says about a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub rank: Rank,
    /// It was measured, so that it can be promoted.
    pub sound: bool,
    /// The trial that measured it; `None`: known from elsewhere.
    pub trial: Option<u32>,
}

#[derive(Clone, Debug)]
struct Member {
    vector: Vec<f64>,
    /// `None`: as it was drawn at the start.
    measured: Option<Measured>,
}

/// Members that were measured at one fidelity, or not yet at all.
#[derive(Clone, Debug)]
pub(super) struct Population {
    pub fidelity: f64,
    members: Vec<Member>,
    /// The next target: members take turns.
    turn: usize,
}

impl Population {
    pub(super) fn new(fidelity: f64, size: u32, draw: &mut impl FnMut() -> Vec<f64>) -> Self {
        let members = (0..size).map(|_| Member { vector: draw(), measured: None }).collect();
        Self { fidelity, members, turn: 0 }
    }

    pub(super) fn next_target(&mut self) -> usize {
        let turn = self.turn;
        self.turn = (turn + 1) % self.members.len().max(1);
        turn
    }

    pub(super) fn vector(&self, member: usize) -> &[f64] {
        self.members.get(member).map_or(&[], |member| &member.vector)
    }

    pub(super) fn vectors(&self) -> impl Iterator<Item = &[f64]> {
        self.members.iter().map(|member| member.vector.as_slice())
    }

    pub(super) fn contains(&self, vector: &[f64]) -> bool {
        self.members.iter().any(|member| member.vector == vector)
    }

    /// Positions, the best first; those not measured last. Stable.
    fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by_key(|&member| Reverse(self.members[member].measured.map(|measured| measured.rank)));
        order
    }

    /// The best so many, measured or not.
    pub(super) fn parents(&self, count: usize) -> Vec<&[f64]> {
        self.ranking().into_iter().take(count).map(|member| self.vector(member)).collect()
    }

    /// The best so many that may be promoted and that `new` lets through, with their trials.
    pub(super) fn best(&self, count: usize, new: impl Fn(&[f64]) -> bool) -> Vec<(Vec<f64>, Option<u32>)> {
        let sound = |&member: &usize| self.members[member].measured.is_some_and(|measured| measured.sound);
        let best = self.ranking().into_iter().filter(sound).map(|member| &self.members[member]);
        let best = best.filter(|member| new(&member.vector)).take(count);
        best.map(|member| (member.vector.clone(), member.measured.and_then(|measured| measured.trial))).collect()
    }

    /// The child takes the target's place unless it is worse.
    pub(super) fn select(&mut self, target: usize, child: Vec<f64>, measured: Measured) {
        let Some(member) = self.members.get_mut(target) else { return };
        if member.measured.is_none_or(|old| measured.rank >= old.rank) {
            *member = Member { vector: child, measured: Some(measured) };
        }
    }

    /// Knowledge from elsewhere takes the place of the last in the ranking unless it is worse.
    pub(super) fn adopt(&mut self, vector: Vec<f64>, measured: Measured) {
        if let Some(&worst) = self.ranking().last() {
            self.select(worst, vector, measured);
        }
    }
}
