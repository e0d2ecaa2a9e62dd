#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_link::lapb::fuzz::fuzz_lapb_link(
    std::time::Instant::now(),
    octets
));
