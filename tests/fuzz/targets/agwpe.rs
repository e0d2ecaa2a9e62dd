#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wire::agwpe::fuzz_agwpe(octets));
