//! What a new configuration changes, and when that has an effect.

use super::forward::Forward;
use super::variables::{Applies, Config, VARIABLES, Variable};

/// The differences of two configurations.
#[derive(Default)]
pub struct Changes {
    /// Variables with another value.
    pub variables: Vec<&'static Variable>,
    /// Plugins to load, in their order.
    pub load: Vec<String>,
    /// Plugins to remove.
    pub remove: Vec<String>,
    /// The names of access lists that are new, gone, or have other rules.
    pub access_lists: Vec<String>,
    /// `setforward` lines that are new or gone.
    pub forwards: Vec<Forward>,
    /// `router bgp` has changed.
    pub bgp: bool,
}

impl Changes {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty()
            && self.load.is_empty()
            && self.remove.is_empty()
            && self.access_lists.is_empty()
            && self.forwards.is_empty()
            && !self.bgp
    }

    /// Whether this variable has another value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.variables.iter().any(|variable| variable.name == name)
    }

    /// The changed variables whose new value waits for the next start.
    pub fn at_restart(&self) -> impl Iterator<Item = &'static Variable> {
        let restart = |variable: &&Variable| variable.applies == Applies::Restart;
        self.variables.iter().copied().filter(restart)
    }
}

impl Config {
    /// What is different from a configuration before this one.
    #[must_use]
    pub fn changes_since(&self, old: &Self) -> Changes {
        let missing = |from: &[String], of: &[String]| -> Vec<String> {
            let absent = |name: &&String| !from.contains(name);
            of.iter().filter(absent).cloned().collect()
        };
        let mut access_lists = Vec::new();
        for (lists, others) in [
            (&old.access_lists, &self.access_lists),
            (&self.access_lists, &old.access_lists),
        ] {
            for list in &lists.0 {
                if others.find(&list.name) != Some(list) && !access_lists.contains(&list.name) {
                    access_lists.push(list.name.clone());
                }
            }
        }
        let mut forwards = Vec::new();
        for (some, others) in [
            (&old.forwards, &self.forwards),
            (&self.forwards, &old.forwards),
        ] {
            let other = |forward: &&Forward| !others.contains(forward);
            forwards.extend(some.iter().filter(other).cloned());
        }
        Changes {
            variables: VARIABLES
                .iter()
                .filter(|variable| variable.text(self) != variable.text(old))
                .collect(),
            load: missing(&old.plugins, &self.plugins),
            remove: missing(&self.plugins, &old.plugins),
            access_lists,
            forwards,
            bgp: self.bgp != old.bgp,
        }
    }
}
