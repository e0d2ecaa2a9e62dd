#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_pipemon::fuzz_trace(octets));
