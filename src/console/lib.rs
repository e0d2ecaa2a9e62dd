//! What a person sees: tables, progress, live views. Knows no protocol.

pub mod dialog;
pub mod menu;
pub mod progress;
pub mod table;
pub mod terminal;
pub mod view;
