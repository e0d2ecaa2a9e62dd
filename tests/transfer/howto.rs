//! The table of the HOWTO (section 5.1), measured by Randolph Bentson in February 1995.
//!
//! A file of 289,284 octets by ftp over SLIP lines between two machines with Linux 1.1.84. Its "% of
//! max" relates the octets of the file, at ten bits each, to the bits that the lines could send.

/// The size of the file, octets.
pub const OCTETS: u64 = 289_284;

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Lines: 1 to 4.
    pub lines: usize,
    /// The rate of each, bit/s.
    pub bps: u64,
    /// The MTU, octets.
    pub mtu: u32,
    /// How long it took, seconds; `None` where the table has no figure.
    pub seconds: Option<f64>,
    /// Per cent of what the lines could send.
    pub percent: Option<u32>,
}

/// A row as it is in the table.
const fn row(lines: usize, bps: u64, mtu: u32, seconds: f64, percent: u32) -> Row {
    Row {
        lines,
        bps,
        mtu,
        seconds: Some(seconds),
        percent: Some(percent),
    }
}

/// A row without figures.
const fn none(lines: usize, bps: u64, mtu: u32) -> Row {
    Row {
        lines,
        bps,
        mtu,
        seconds: None,
        percent: None,
    }
}

/// All of it, in the HOWTO's order.
pub const ROWS: [Row; 57] = [
    none(3, 115_200, 900),
    row(3, 115_200, 400, 18.1, 46),
    none(2, 115_200, 900),
    row(2, 115_200, 600, 18.1, 69),
    row(2, 115_200, 400, 19.3, 65),
    none(4, 57_600, 900),
    none(4, 57_600, 600),
    none(4, 57_600, 400),
    row(3, 57_600, 600, 20.9, 80),
    row(3, 57_600, 900, 21.2, 78),
    row(3, 115_200, 600, 21.7, 38),
    row(3, 57_600, 400, 22.5, 74),
    row(4, 38_400, 900, 25.2, 74),
    row(4, 38_400, 600, 26.4, 71),
    row(4, 38_400, 400, 27.3, 68),
    row(2, 57_600, 900, 29.1, 86),
    row(1, 115_200, 900, 30.7, 81),
    row(2, 57_600, 600, 30.2, 83),
    row(3, 38_400, 900, 30.3, 82),
    row(3, 38_400, 600, 31.2, 80),
    row(1, 115_200, 600, 31.3, 80),
    row(2, 57_600, 400, 32.3, 77),
    row(1, 115_200, 400, 32.8, 76),
    row(3, 38_400, 400, 33.5, 74),
    row(2, 38_400, 900, 43.7, 86),
    row(2, 38_400, 600, 44.0, 85),
    row(2, 38_400, 400, 47.2, 79),
    row(4, 19_200, 900, 50.8, 74),
    row(4, 19_200, 400, 53.2, 70),
    row(4, 19_200, 600, 53.7, 70),
    row(1, 57_600, 900, 54.6, 91),
    row(1, 57_600, 600, 56.2, 89),
    row(3, 19_200, 900, 60.5, 83),
    row(1, 57_600, 400, 60.2, 83),
    row(3, 19_200, 600, 62.0, 81),
    row(3, 19_200, 400, 64.7, 77),
    row(1, 38_400, 900, 79.4, 94),
    row(1, 38_400, 600, 82.4, 91),
    row(2, 19_200, 900, 84.4, 89),
    row(1, 38_400, 400, 86.8, 86),
    row(2, 19_200, 600, 87.6, 85),
    row(2, 19_200, 400, 91.2, 82),
    row(4, 9600, 900, 94.7, 79),
    row(4, 9600, 400, 106.0, 71),
    row(4, 9600, 600, 110.0, 68),
    row(3, 9600, 900, 118.0, 85),
    row(3, 9600, 600, 120.0, 83),
    row(3, 9600, 400, 131.0, 76),
    row(1, 19_200, 900, 155.0, 97),
    row(1, 19_200, 600, 161.0, 93),
    row(1, 19_200, 400, 170.0, 88),
    row(2, 9600, 600, 176.0, 85),
    row(2, 9600, 900, 180.0, 83),
    row(2, 9600, 400, 181.0, 83),
    row(1, 9600, 900, 305.0, 98),
    row(1, 9600, 600, 314.0, 95),
    row(1, 9600, 400, 332.0, 90),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The percentages are those of the seconds: the table was read right.
    #[test]
    fn the_percentages_are_those_of_the_seconds() {
        let mut counted = 0;
        for row in ROWS {
            let (Some(seconds), Some(percent)) = (row.seconds, row.percent) else {
                continue;
            };
            let sent = OCTETS as f64 * 10.0 / seconds;
            let part = 100.0 * sent / (row.lines as u64 * row.bps) as f64;
            assert!((part - f64::from(percent)).abs() < 1.0, "{row:?}: {part}");
            counted += 1;
        }
        assert_eq!(counted, 52);
    }

    #[test]
    fn every_combination_is_there_once() {
        for lines in 1..=4 {
            for mtu in [400, 600, 900] {
                let here = ROWS.iter().filter(|r| r.lines == lines && r.mtu == mtu);
                let mut rates: Vec<u64> = here.map(|row| row.bps).collect();
                rates.sort_unstable();
                let all = [9_600, 19_200, 38_400, 57_600, 115_200];
                let fewer = &all[..4];
                assert!(rates == all || (lines == 4 && rates == fewer), "{rates:?}");
            }
        }
    }
}
