//! In which order the keys of a table are best written: the order in which they are described. Reads no document.

use crate::load::{APPROVED, POLICY, POLICY_V1, PROFILE, REPOSITORY};
use crate::shape::{Keys, Shape};

/// The order of the keys at one place of a document.
#[derive(Clone, Copy)]
pub struct Order(Place);

#[derive(Clone, Copy)]
enum Place {
    Table(&'static Keys),
    Value(&'static Shape),
    /// Nothing is described there.
    Nowhere,
}

impl Order {
    /// At the top of a policy.
    #[must_use]
    pub fn of_policy() -> Self {
        Self(Place::Table(&POLICY))
    }

    /// At the top of a file of Policy v1.
    #[must_use]
    pub fn of_policy_v1() -> Self {
        Self(Place::Table(&POLICY_V1))
    }

    /// At the top of a profile.
    #[must_use]
    pub fn of_profile() -> Self {
        Self(Place::Table(&PROFILE))
    }

    /// At the top of a repository's file.
    #[must_use]
    pub fn of_repository() -> Self {
        Self(Place::Table(&REPOSITORY))
    }

    /// At the top of a file of approvals.
    #[must_use]
    pub fn of_approvals() -> Self {
        Self(Place::Table(&APPROVED))
    }

    /// Where a key stands among the others; names that the writer chose are all at one place.
    #[must_use]
    pub fn place(self, key: &str) -> usize {
        let known: Vec<&str> = self.tables().iter().flat_map(|keys| keys.names()).collect();
        known.iter().position(|name| *name == key).unwrap_or(known.len())
    }

    /// The order below a key, in each element where its value is a list.
    #[must_use]
    pub fn below(self, key: &str) -> Self {
        let described = self.tables().iter().find_map(|keys| keys.find(key)).map(|key| &key.shape);
        let shape = match (described, self.0) {
            (Some(shape), Place::Table(_) | Place::Value(_) | Place::Nowhere) => Some(shape),
            (None, Place::Value(shape)) => shape.named(),
            (None, Place::Table(_) | Place::Nowhere) => None,
        };
        Self(shape.map_or(Place::Nowhere, Place::Value))
    }

    /// Tables that may stand here, or as an element of a list here.
    fn tables(self) -> Vec<&'static Keys> {
        match self.0 {
            Place::Table(keys) => vec![keys],
            Place::Value(shape) => {
                let elements = shape.element().map(Shape::forms).unwrap_or_default();
                let forms = [shape.forms(), elements].concat();
                forms.iter().filter_map(|form| if let Shape::Table(keys) = form { Some(*keys) } else { None }).collect()
            }
            Place::Nowhere => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_in_the_order_in_which_they_are_described() {
        let rule = Order::of_policy().below("rules");
        assert!(rule.place("name") < rule.place("action") && rule.place("action") < rule.place("command"));
        assert!(rule.place("sandbox") < rule.place("approval") && rule.place("approval") < rule.place("examples"));
        let option = rule.below("command").below("argv");
        assert!(option.place("flag") < option.place("value") && option.place("value") < option.place("required"));
        let limit = rule.below("sandbox").below("limits").below("memory");
        assert!(limit.place("max") < limit.place("required"));
        let agent = Order::of_policy().below("coding_agents").below("mine");
        assert!(agent.place("ancestors") < agent.place("env"));
        assert!(Order::of_policy_v1().place("known_human_clients") < Order::of_policy_v1().place("rules"));
        assert_eq!(Order::of_profile().below("env").below("set").place("A"), 0);
    }
}
