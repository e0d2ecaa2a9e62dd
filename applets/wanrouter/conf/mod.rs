//! Configuration: `wanpipe#.conf`, interface files, `wanrouter.rc`.
