//! `[section]` files of `KEY = value, value` records.
