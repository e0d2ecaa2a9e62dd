#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_link::xot::fuzz::fuzz_xot(
    std::time::Instant::now(),
    octets
));
