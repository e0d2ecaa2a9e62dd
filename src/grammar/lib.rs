//! Common parsers of what people write: command lines, configuration files, values.

pub mod applet;
pub mod argv;
pub mod assign;
pub mod commands;
pub mod diagnostic;
pub mod document;
pub mod exit;
pub mod generate;
pub mod line;
pub mod report;
pub mod secrets;
pub mod sections;
pub mod value;
pub mod words;

pub use applet::{Applet, Page};
pub use exit::Exit;
