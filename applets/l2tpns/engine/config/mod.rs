//! What can be configured: `startup-config`, the commands of configuration mode, `ip_pool`.
//!
//! | to change | open |
//! |---|---|
//! | variables: their type, default, help, when they apply | `variables.rs` |
//! | how a type of value is read and written | `value.rs` |
//! | what follows from variables together | `derived.rs` |
//! | what a reload changes | `changes.rs` |
//! | access lists | `access_list.rs` |

mod access_list;
mod bgp;
mod changes;
mod derived;
mod forward;
mod value;
mod variables;

pub use access_list::{AccessList, AccessLists, ListType};
pub use bgp::{MAX_NEIGHBOURS, Neighbour, Router};
pub use changes::Changes;
pub use derived::{FALLBACK_ADDRESS, MAX_MRU, RADIUS_PORT, RadiusServer};
pub use forward::{Forward, MAX_FORWARDS};
pub use value::{AuthType, FACILITIES, Kind, Log, MAX_TEXT, Secret};
pub use variables::{Applies, Config, VARIABLES, Variable};
