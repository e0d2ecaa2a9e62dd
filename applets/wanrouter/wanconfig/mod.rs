//! `wanconfig`: devices and interfaces, one by one.
