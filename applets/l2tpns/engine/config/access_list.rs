//! `ip access-list`: which packets of a session pass.

/// The access lists, in the order in which they were opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLists(pub Vec<AccessList>);

impl AccessLists {
    /// The list of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&AccessList> {
        self.0.iter().find(|list| list.name == name)
    }
}

/// What the rules of a list may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// Addresses.
    Standard,
    /// Protocols, ports and flags as well.
    Extended,
}

/// One list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessList {
    /// Its name.
    pub name: String,
    /// What its rules may say.
    pub list_type: ListType,
}
