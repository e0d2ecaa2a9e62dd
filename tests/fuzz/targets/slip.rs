#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_link::slip::fuzz_slip(octets));
