#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wire::ax25::fuzz_ax25(octets));
