//! What a person sees: tables, progress, live views. Knows no protocol.

pub mod dialog;
pub mod editor;
pub mod filter;
pub mod menu;
pub mod pager;
pub mod pattern;
pub mod progress;
pub mod table;
pub mod telnet;
pub mod terminal;
pub mod view;
