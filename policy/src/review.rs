//! What is worth a look in a policy that loads: what leans on less than verified facts, and what is never reached.

use crate::layer::LayerName;
use crate::policy_set::PolicySet;
use crate::rule::{Action, Rule};
use crate::shadow::shadowed;

/// A rule that is never reached, as one before it in its layer matches all that it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// The layer of both.
    pub layer: LayerName,
    /// The name of the rule that is never reached.
    pub rule: String,
    /// The name of the one before it.
    pub by: String,
}

impl PolicySet {
    /// How many rules each layer has.
    #[must_use]
    pub fn sizes(&self) -> Vec<(LayerName, usize)> {
        self.layers().iter().map(|layer| (layer.name, layer.rules.len())).collect()
    }

    /// Every rule that permits on less than verified facts, a sentence each.
    #[must_use]
    pub fn leanings(&self) -> Vec<String> {
        let mut leanings = Vec::new();
        for layer in self.layers().iter() {
            for rule in layer.rules.iter().filter(|rule| rule.action == Action::Allow) {
                let leans = rule.matchers.iter().filter(|matcher| matcher.leans());
                leanings.extend(leans.map(|matcher| format!("`{}:{}` allows on {matcher}", layer.name, rule.name)));
            }
        }
        leanings
    }

    /// Every rule that an earlier one of another file shadows, a sentence each; in one file that is an error.
    #[must_use]
    pub fn shadows(&self) -> Vec<String> {
        let sentence = |shadow: Shadow| {
            let Shadow { layer, rule, by } = shadow;
            format!("`{layer}:{rule}` is never reached: `{by}` before it matches all that it does")
        };
        self.shadowed().into_iter().map(sentence).collect()
    }

    /// Every rule that an earlier one of its layer shadows.
    #[must_use]
    pub fn shadowed(&self) -> Vec<Shadow> {
        let mut shadows = Vec::new();
        for layer in self.layers().iter() {
            let rules: Vec<&Rule> = layer.rules.iter().collect();
            shadows.extend(shadowed(&rules, &layer.alike).into_iter().map(|found| Shadow {
                layer: layer.name,
                rule: found.later.name.clone(),
                by: found.earlier.name.clone(),
            }));
        }
        shadows
    }
}
