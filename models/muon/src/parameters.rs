//! Every parameter of the simulation, with unit, default and source.

use serde::{Deserialize, Serialize};

/// What a parameter is, for people.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Described {
    /// Key in a configuration file.
    pub name: &'static str,
    /// Unit; empty for a pure number.
    pub unit: &'static str,
    /// Meaning.
    pub meaning: &'static str,
    /// Where the default comes from.
    pub source: &'static str,
}

macro_rules! parameters {
    ($($name:ident: $type:ty = $default:expr, $unit:literal, $meaning:literal, $source:literal;)*) => {
        /// Parameters of the simulated chamber. Unknown keys are errors.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Parameters {
            $(#[doc = concat!($meaning, "; unit: `", $unit, "`. Source: ", $source)] pub $name: $type,)*
        }

        impl Default for Parameters {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// The parameters in the order of their declaration.
        pub const DESCRIBED: &[Described] = &[$(Described {
            name: stringify!($name), unit: $unit, meaning: $meaning, source: $source,
        },)*];
    };
}

parameters! {
    events_without_muon: f64 = 0.3, "", "share of events without a muon", "choice: enough for fake rates of 1 %";
    events_with_two: f64 = 0.08, "", "share of events with two muons", "choice";
    events_with_three: f64 = 0.02, "", "share of events with three muons", "choice";
    pt_min: f64 = 5.0, "GeV", "least transverse momentum", "the task (KPS 2020)";
    pt_max: f64 = 100.0, "GeV", "largest transverse momentum, log-uniform between", "the task (KPS 2020)";
    field: f64 = 3.3, "T", "mean solenoid field along the path, which bends by 0.3·B·tan θ / (2 p_T) per metre of z",
        "fitted to the drift of 131 muons of the 50 ME0 events; 3.8 T in the solenoid's middle (CMS, JINST 3 S08004)";
    radiation_lengths: f64 = 90.0, "X0", "material in front of the chamber",
        "Highland's formula (PDG) and the spread of the drift of those muons, 0.14 GeV / p; end-cap calorimeter of about 8.5 interaction lengths";
    efficiency: f64 = 0.98, "", "probability that a layer sees a muon", "CMSSW SimMuon/GEMDigitizer, averageEfficiency";
    out_of_time: f64 = 0.0124, "", "probability that a hit is registered one bunch crossing early or late",
        "the 50 ME0 events: 23 of 1,857 digis";
    muons_out_of_time: f64 = 0.02, "", "probability of a muon in each neighbouring bunch crossing", "choice";
    cluster_sizes: [f64; 6] = [0.37, 0.885, 0.965, 0.985, 0.995, 1.0], "",
        "cumulative probability of 1, 2 … 6 strips for a muon's cluster", "the 50 ME0 events: 799 clusters";
    delta_probability: f64 = 0.17, "", "probability that a muon knocks out an electron seen in one layer", "the 50 ME0 events";
    shower_probability: f64 = 0.14, "", "probability that secondaries accompany a muon through several layers", "the 50 ME0 events";
    shower_efficiency: f64 = 0.8, "", "probability that a layer sees the secondaries, from where they begin", "the 50 ME0 events";
    shower_from_first: f64 = 0.5, "", "probability that secondaries begin before the first layer, else in any", "assumption";
    shower_slope: f64 = 1.0, "strips / layer", "spread of the secondaries' direction relative to the muon's", "assumption";
    secondary_neighbour: f64 = 0.2, "", "probability that a secondary is in a partition beside the muon's",
        "the 50 ME0 events: 18 of 92 clusters";
    secondary_distance: f64 = 15.0, "strips", "mean distance of secondaries from the muon, exponential", "the 50 ME0 events";
    secondary_size: f64 = 3.3, "strips", "mean size of the secondaries' clusters, geometric, at most 16", "the 50 ME0 events";
    luminosity: f64 = 7.5, "1e34 / cm² / s", "luminosity to which the background rates are scaled",
        "CMSSW SimMuon/GEMDigitizer, instLumi: 200 interactions per crossing; its rates are for 5";
    background: f64 = 1.0, "", "factor on the nominal background", "1 is nominal; 5 for stress";
    background_pairs: f64 = 0.47, "", "probability that a background cluster has two strips", "CMSSW SimMuon/GEMDigitizer";
    charged_survival: f64 = 0.5, "", "probability that a charged background particle reaches the next layer",
        "assumption: electrons of a few MeV";
    charged_neighbour: f64 = 0.1, "", "probability that it changes to a partition beside on the way", "assumption";
    charged_slope: f64 = 3.0, "strips / layer", "spread of a charged background particle's direction", "assumption";
    charged_scatter: f64 = 1.0, "strips / layer", "spread of the change of that direction from layer to layer", "assumption";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_errors() {
        assert!(serde_json::from_str::<Parameters>(r#"{"efficiencyy": 1}"#).is_err());
        let changed: Parameters = serde_json::from_str(r#"{"background": 5}"#).unwrap();
        assert_eq!(changed, Parameters { background: 5.0, ..Parameters::default() });
    }

    #[test]
    fn every_parameter_says_where_it_comes_from() {
        let fields = serde_json::to_value(Parameters::default()).unwrap();
        assert_eq!(fields.as_object().unwrap().len(), DESCRIBED.len());
        assert!(DESCRIBED.iter().all(|d| !d.meaning.is_empty() && !d.source.is_empty()));
    }
}
