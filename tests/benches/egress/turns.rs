//! Figures of several travellers who take turns, so that whatever else the machine does meets all of them alike.
//!
//! Whatever is compared is the median of comparisons inside a round, never a comparison of medians.

use opaque_tests::bench::{Outcome, median};

use crate::ways::Ways;
use crate::world::{Traveller, World};

/// A figure of each traveller, round by round.
pub struct Turns(Vec<Vec<f64>>);

impl Turns {
    /// Takes a figure of each traveller in each round, forwards and backwards by turns. Where pasta fails its figure is
    /// the worst one, it is said, and it begins anew.
    ///
    /// # Errors
    /// Another one fails.
    pub fn take(
        world: &World,
        ways: &mut Ways,
        rounds: usize,
        worst: f64,
        mut figure: impl FnMut(usize, &mut Traveller) -> Outcome<f64>,
    ) -> Outcome<Self> {
        let count = ways.travellers.len();
        let mut figures = vec![Vec::with_capacity(rounds); count];
        for round in 0..rounds {
            for step in 0..count {
                let index = if round % 2 == 0 { step } else { count - 1 - step };
                figures[index].push(match figure(index, &mut ways.travellers[index]) {
                    Err(failure) if ways.pasta.contains(&index) => {
                        ways.begin_anew(world, index, &failure)?;
                        worst
                    }
                    taken => taken?,
                });
            }
        }
        Ok(Self(figures))
    }

    /// Median figure of one.
    pub fn median(&self, one: usize) -> f64 {
        median(self.0[one].iter().copied())
    }

    /// Median over the rounds of one's figure in units of another's.
    pub fn ratio(&self, one: usize, to: usize) -> f64 {
        self.compared(one, to, |one, to| one / to)
    }

    /// Median over the rounds of one's figure less another's.
    pub fn beyond(&self, one: usize, other: usize) -> f64 {
        self.compared(one, other, |one, other| one - other)
    }

    fn compared(&self, one: usize, other: usize, compare: impl Fn(f64, f64) -> f64) -> f64 {
        median(self.0[one].iter().zip(&self.0[other]).map(|(one, other)| compare(*one, *other)))
    }
}

/// The median of the figures in an answer.
///
/// # Errors
/// The answer is something else.
pub fn middle(answer: &str) -> Outcome<f64> {
    let figures = answer.split(' ').map(str::parse).collect::<Result<Vec<f64>, _>>();
    Ok(median(figures.map_err(|_| format!("no figures: `{answer}`"))?.into_iter()))
}
