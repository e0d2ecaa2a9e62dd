//! The engine as its owner sees it.

mod hostile;
mod losses;
mod peer;
mod script;
mod sim;
mod states;
