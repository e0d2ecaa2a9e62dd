#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_link::x25::fuzz::fuzz_x25_layer(
    std::time::Instant::now(),
    octets
));
