//! Medians, spreads, percentiles.

/// A median with the smallest and the largest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// Of these figures; all 0 for none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let at = |place: usize| figures.get(place).copied().unwrap_or(0.0);
        let (low, high) = (at(figures.len().saturating_sub(1) / 2), at(figures.len() / 2));
        Self {
            median: f64::midpoint(low, high),
            least: figures.first().copied().unwrap_or(0.0),
            most: figures.last().copied().unwrap_or(0.0),
        }
    }
}

/// Sorted figures, asked for shares of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sorted(Vec<u32>);

impl Sorted {
    /// Sorts them.
    pub fn new(mut figures: Vec<u32>) -> Self {
        figures.sort_unstable();
        Self(figures)
    }

    /// The figure that this share of them does not exceed; 0 for none.
    pub fn at(&self, share: f64) -> u32 {
        let place = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(place.clamp(1, self.0.len().max(1)) - 1).copied().unwrap_or(0)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Microseconds as milliseconds: the latency that this share of them does not exceed.
    pub fn ms(&self, share: f64) -> f64 {
        f64::from(self.at(share)) / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(Spread::of([4.0, 1.0, 3.0, 2.0]), Spread { median: 2.5, least: 1.0, most: 4.0 });
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(Spread::of([]), Spread { median: 0.0, least: 0.0, most: 0.0 });
    }

    #[test]
    fn a_percentile_is_a_figure_that_was_seen() {
        let hundred = Sorted::new((1..=100).rev().collect());
        assert_eq!((hundred.at(0.5), hundred.at(0.99), hundred.at(1.0), hundred.at(0.0)), (50, 99, 100, 1));
        assert_eq!(Sorted::new(vec![7]).at(0.99), 7);
        assert_eq!(Sorted::default().at(0.5), 0);
        assert!((Sorted::new(vec![1500]).ms(0.5) - 1.5).abs() < 1e-9);
    }
}
