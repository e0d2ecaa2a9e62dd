//! Menus on a terminal.
