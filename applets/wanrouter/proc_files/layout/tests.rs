use super::*;
use crate::proc_files::sample;

#[test]
fn config_row_of_an_isa_card() {
    let card = Card {
        port: 0x360,
        irq: 7,
        dma: 0,
        memory_address: 0xD0000,
        memory_size: 0x2000,
        options: [5080, 16_000_000, 524_288, 0],
    };
    assert_eq!(
        config_row("wanpipe1", card),
        "wanpipe1       |0x360 |  7|  0| 0xD0000    |0x2000  |   5080|16000000| 524288|      0"
    );
}

#[test]
fn config_of_a_line_without_a_card() {
    assert_eq!(
        config(&[sample("wanpipe1")]),
        "Device name    | port |IRQ|DMA|  mem.addr  |mem.size|option1|option2|option3|option4\n\
         wanpipe1       |0x0   |  0|  0| 0x0        |0x0     |      0|      0|      0|      0\n"
    );
}

#[test]
fn status_row_of_the_sheet() {
    let mut device = sample("wanpipe1");
    device.mtu = 1508;
    device.baud_rate = 1_540_000;
    assert_eq!(
        status(&[device]),
        "Device name    |protocol|station|interface|clocking|baud rate| MTU |ndev|link state\n\
         wanpipe1       | FR     | CPE   | V.35    |external|  1540000| 1508|  1 |connected   \n"
    );
}

#[test]
fn interfaces_row_of_the_sheet() {
    assert_eq!(
        interfaces(&[sample("wanpipe1")]),
        "Interface name | Device name | Media | Operational State |\n\
         wp1fr16        | wanpipe1    | 16    | Connected         |\n"
    );
}

#[test]
fn an_interface_without_a_dlci() {
    let mut device = sample("wanpipe12");
    device.interfaces[0].dlci = None;
    device.interfaces[0].connected = false;
    assert_eq!(
        interface_row("wanpipe12", &device.interfaces[0]),
        "wp1fr16        | wanpipe12   | N/A   | Disconnected      |"
    );
}

#[test]
fn seventeen_counters() {
    let traffic = Traffic {
        rx_packets: 1234,
        tx_packets: 2,
        rx_octets: 3,
        tx_octets: u64::MAX,
        rx_errors: 5,
        tx_errors: 6,
        rx_dropped: 7,
        tx_dropped: 8,
        multicast: 9,
        rx_length_errors: 10,
        rx_frame_errors: 11,
    };
    let text = device(&traffic);
    assert_eq!(
        text,
        "        total packets received:         1234
     total packets transmitted:            2
          total bytes received:            3
       total bytes transmitted: 18446744073709551615
          bad packets received:            5
      packet transmit problems:            6
       received frames dropped:            7
       transmit frames dropped:            8
    multicast packets received:            9
           transmit collisions:            0
         receive length errors:           10
       receiver overrun errors:            0
                    CRC errors:            0
  frame format errors (aborts):           11
         receiver fifo overrun:            0
        receiver missed packet:            0
    aborted frames transmitted:            0
"
    );
}
