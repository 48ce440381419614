// Made by python web/constants.py; do not edit.

export const NOTICE = "Research use only. Not a medical device." as const;

export const CLASSES = ["tumor", "no_tumor"] as const;

export const TUMOR_TYPES = ["glioma", "meningioma", "pituitary"] as const;

export const ERROR_TITLES = {"image-error": "The image could not be read.", "unsupported-format": "The file is not in a format that tumorscope reads.", "corrupt-image": "The file is damaged or incomplete.", "image-too-large": "The file is larger than the limit allows.", "image-content": "The file contains no usable image."} as const;

export const LIMITS = {"max_bytes": 536870912, "max_pixels": 64000000, "max_frames": 10000, "max_voxels": 256000000, "max_files": 50000, "max_archive_bytes": 8589934592, "max_ratio": 200, "free_bytes": 67108864} as const;

export const FORMAT_VERSION = 3 as const;

export const PREPROCESSING = {"name": "foreground-window-square", "version": 2} as const;

export const MIN_SIDE = 16 as const;

export const MAX_SIZE = 4096 as const;

export const SAFE_MAGNITUDE = 1e+18 as const;

export const SAFE_RESOLUTION = 0.0001 as const;

export const SQUARE = 1.02 as const;

export const MAX_RATIO = 20.0 as const;

export const MAX_STRETCHED = 16000000 as const;

export const INPUT = "canvas" as const;

export const OUTPUTS = ["tumor", "evidence", "type", "features"] as const;

export const NOVELTY = "novelty" as const;

export const RECOGNIZED = ["sequence", "plane"] as const;

export const LEAST_RECOGNIZED = 0.5 as const;

export const CONTRADICTION = 0.95 as const;

export const ALIKE = ["T1", "T1+C"] as const;

export const SEQUENCE_OF_CONTRAST = {"T1": "T1", "T2": "T2", "FLUID_ATTENUATED": "FLAIR", "DIFFUSION": "other", "FLOW_ENCODED": "other", "PERFUSION": "other", "PROTON_DENSITY": "other", "STIR": "other", "T2_STAR": "other", "TAGGING": "other"} as const;

export const DERIVED = "(^|\\\\)(ADC|TRACEW?|FA|DIFFUSION|PERFUSION|R?CB[FV]|MTT|TTP|TENSOR|PHASE MAP|P)(\\\\|$)" as const;

export const SEQUENCE_WORDS = [["(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))(dwi|adc|dti|swi|swan|asl|pwi|tof|mra|mrv|bold|fmri|pd|pdw|proton|mrs|svs|csi)(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))|diff|perf|(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))dsc(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))|angio|t2[^\\p{L}\\p{N}_]?star|t2\\*|field ?map|local|scout|survey|spectro", "other"], ["(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))t1(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_])).*flair|flair.*(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))t1(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))", "T1"], ["flair|(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))tirm(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))|dark.?fluid", "FLAIR"], ["(?<![a-z0-9])t2", "T2"], ["(?<![a-z0-9])t1|mp.?rage|bravo|spgr|(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))3d.?tfe(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))", "T1"]] as const;

export const CONTRAST_NAME = "\\+ ?c(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))|(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))c ?\\+|(?<![a-z])(gd|gad[\\p{L}\\p{N}_]*|post[\\p{L}\\p{N}_]*|ce|km|contrast|enhanced)(?![a-z])|t1c(e|(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_])))" as const;

export const NO_CONTRAST_NAME = "(?<![a-z])(pre[\\p{L}\\p{N}_]*|non|nativ[\\p{L}\\p{N}_]*|without|w/?o|unenhanced|ohne)(?![a-z])" as const;

export const NO_AGENT = ["", "0", "n", "n/a", "na", "nil", "no", "none", "without"] as const;

export const FLAIR_INVERSION_MS = 1500.0 as const;

export const LONG_ECHO_MS = 60.0 as const;

export const LONG_REPETITION_MS = 2000.0 as const;

export const SHORT_ECHO_MS = 30.0 as const;

export const SHORT_REPETITION_MS = 1200.0 as const;

export const WORTH = [["FLAIR", 1.0], ["T1+C", 1.0], ["T2", 0.6], ["T1", 0.4], [null, 0.4]] as const;

export const OTHER_SEQUENCE = "The series shows another sequence than T1, T1+C, T2 or FLAIR." as const;

export const LEAST_OF_SERIES = 1e-07 as const;

export const MAX_LOGIT = 700.0 as const;

export const ROUNDING = 1e-06 as const;

export const NEUTRAL = "balanced" as const;

export const REJECTION = "The image differs too much from the brain MR images that the model was trained on." as const;

export const BLANK = "The slice is blank: all its pixels have the same value." as const;

export const ANSWERED_MODALITIES = ["MR", "OT"] as const;

export const FOREIGN_BODY_PARTS = ["ABDOMEN", "ABDOMENPELVIS", "ACJOINT", "ANKLE", "AORTA", "ARM", "BILEDUCT", "BLADDER", "BREAST", "BRONCHUS", "BUTTOCK", "CALCANEUS", "CALF", "CHEST", "CHESTABDOMEN", "CHESTABDPELVIS", "CLAVICLE", "COCCYX", "COLON", "CORONARYARTERY", "DUODENUM", "ELBOW", "ESOPHAGUS", "EXTREMITY", "FEMUR", "FINGER", "FOOT", "FOREARM", "GALLBLADDER", "HAND", "HEART", "HIP", "HUMERUS", "ILEUM", "ILIUM", "JEJUNUM", "KIDNEY", "KNEE", "LEG", "LIVER", "LSPINE", "LSSPINE", "LUMBARSPINE", "LUNG", "MEDIASTINUM", "OVARY", "PANCREAS", "PATELLA", "PELVIS", "PENIS", "PROSTATE", "RADIUS", "RADIUSULNA", "RECTUM", "RIB", "SACRUM", "SCAPULA", "SCROTUM", "SHOULDER", "SIJOINT", "SPLEEN", "SSPINE", "STERNUM", "STOMACH", "TESTIS", "THIGH", "THORAX", "THUMB", "TIBIAFIBULA", "TLSPINE", "TOE", "TSPINE", "UPPERARM", "URETER", "UTERUS", "VAGINA", "WRIST"] as const;

export const MOST_SUSPICIOUS = 3 as const;

export const NEIGHBORS = 3 as const;

export const NEIGHBOR_SHARE = 0.04 as const;

export const LEAST_PROBABILITY = 1e-07 as const;

export const SAME_DIRECTION = 0.99 as const;

export const POSITION_DIGITS = 2 as const;

export const MIXED_BY = ["EchoNumbers", "EchoTime", "DiffusionBValue", "TemporalPositionIdentifier", "InversionTime", "ComplexImageComponent", "ImageType"] as const;

export const ORDER = "order" as const;

export const WITHOUT_UID = "without-uid:" as const;

export const ALONE = "The slice has no Series Instance UID, place or number; nothing tells its series, and it is answered alone." as const;

export const COUNTED = ["AcquisitionNumber", "FrameAcquisitionNumber"] as const;

export const LEAST_ALIKE = 3 as const;

export const NO_SERIES_UID = "The slice has no Series Instance UID; slices of its folder, study and geometry are taken for one series." as const;

export const OF_ONE_SERIES = ["StudyInstanceUID", "PatientID", "PatientName", "SeriesNumber", "SeriesDescription", "FrameOfReferenceUID"] as const;

export const TRAITS = ["StackID", "EchoNumbers", "EchoTime", "EffectiveEchoTime", "DiffusionBValue", "TemporalPositionIdentifier", "TemporalPositionIndex", "InversionTime", "InversionTimes", "ComplexImageComponent", "ImageType", "FrameType", "NominalCardiacTriggerDelayTime", "TriggerTime", "SequenceName", "ScanningSequence", "RepetitionTime", "FlipAngle", "ContrastBolusAgent", "AcquisitionNumber", "FrameAcquisitionNumber", "DiffusionGradientOrientation"] as const;

export const MAX_TRAIT = 100 as const;

export const DESCRIPTION_LETTERS = 64 as const;

export const LUMA = [0.299, 0.587, 0.114] as const;

export const WINDOW_FUNCTIONS = ["LINEAR", "LINEAR_EXACT", "SIGMOID"] as const;

export const WINDOW_FOREGROUND = 0.08 as const;

export const LEAST_SHOWN = 0.25 as const;

export const PLANE_BY_AXIS = ["sagittal", "coronal", "axial"] as const;

export const MIN_ALIGNMENT = 0.8 as const;

export const LEAST_AREA = 0.1 as const;

export const DIRECTIONS = [["L", "R"], ["P", "A"], ["H", "F"]] as const;

export const TEXT_VRS = ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UI"] as const;

export const SIDES = {"axial": ["R", "A"], "coronal": ["R", "H"], "sagittal": ["A", "H"]} as const;

export const THICK = 1.5 as const;

export const LEAST_DETERMINANT = 0.001 as const;

export const TRIED_VOLUMES = 16 as const;

export const PICTURE_SIDE = 2048 as const;

export const EVIDENCE_SIDE = 128 as const;

export const SHOWN_PERCENTILES = [0.5, 99.5] as const;

export const DEEP_MAXIMUM = 65535 as const;

export const FORMATS = [{"name": "DICOM", "endings": [".dcm", ".dicom", ".ima", ".mr", ".dcm.gz", ".dicom.gz", ".ima.gz", ".mr.gz"], "isReadHere": true, "isRead": true, "advice": ""}, {"name": "PNG", "endings": [".png"], "isReadHere": true, "isRead": true, "advice": ""}, {"name": "JPEG", "endings": [".jpg", ".jpeg", ".jpe", ".jfif"], "isReadHere": true, "isRead": true, "advice": ""}, {"name": "BMP", "endings": [".bmp", ".dib"], "isReadHere": true, "isRead": true, "advice": ""}, {"name": "TIFF", "endings": [".tif", ".tiff"], "isReadHere": true, "isRead": true, "advice": ""}, {"name": "WebP", "endings": [".webp"], "isReadHere": true, "isRead": true, "advice": ""}, {"name": "NIfTI", "endings": [".nii", ".nii.gz"], "isReadHere": true, "isRead": true, "advice": ""}, {"name": "NRRD", "endings": [".nrrd", ".nhdr", ".nrrd.gz", ".nhdr.gz"], "isReadHere": false, "isRead": true, "advice": ""}, {"name": "MetaImage", "endings": [".mha", ".mhd", ".mha.gz", ".mhd.gz"], "isReadHere": false, "isRead": true, "advice": ""}, {"name": "MGH", "endings": [".mgh", ".mgz", ".mgh.gz", ".mgz.gz"], "isReadHere": false, "isRead": true, "advice": ""}, {"name": "zip", "endings": [".zip"], "isReadHere": false, "isRead": true, "advice": "unpack it and give the file inside"}, {"name": "gzip", "endings": [], "isReadHere": false, "isRead": false, "advice": "unpack it and give the file inside"}, {"name": "GIF", "endings": [".gif"], "isReadHere": false, "isRead": false, "advice": "save the picture as PNG"}, {"name": "HEIC", "endings": [".heic", ".heif"], "isReadHere": false, "isRead": false, "advice": "save the picture as PNG"}, {"name": "AVIF", "endings": [".avif"], "isReadHere": false, "isRead": false, "advice": "save the picture as PNG"}, {"name": "JPEG 2000", "endings": [".jp2", ".j2k", ".j2c", ".jpx"], "isReadHere": false, "isRead": false, "advice": "save the picture as PNG"}, {"name": "JPEG XL", "endings": [".jxl"], "isReadHere": false, "isRead": false, "advice": "save the picture as PNG"}, {"name": "Photoshop", "endings": [], "isReadHere": false, "isRead": false, "advice": "save the picture as PNG"}, {"name": "PNM", "endings": [".pgm", ".ppm", ".pnm"], "isReadHere": false, "isRead": false, "advice": "save the picture as PNG"}, {"name": "SVG", "endings": [], "isReadHere": false, "isRead": false, "advice": "save the picture as PNG"}, {"name": "video", "endings": [], "isReadHere": false, "isRead": false, "advice": "give the DICOM series, or save its frames as PNG"}, {"name": "PDF", "endings": [], "isReadHere": false, "isRead": false, "advice": "save its pictures as PNG"}, {"name": "MINC (or other HDF5 or NetCDF)", "endings": [".mnc"], "isReadHere": false, "isRead": false, "advice": "convert the volume to NIfTI (.nii.gz)"}, {"name": "Analyze or a NIfTI pair (.hdr and .img)", "endings": [".hdr", ".img", ".hdr.gz", ".img.gz"], "isReadHere": false, "isRead": false, "advice": "convert the pair to one .nii file"}, {"name": "Philips PAR/REC", "endings": [], "isReadHere": false, "isRead": false, "advice": "convert the volume to NIfTI (.nii.gz)"}, {"name": "AFNI (.HEAD and .BRIK)", "endings": [], "isReadHere": false, "isRead": false, "advice": "convert the volume to NIfTI (.nii.gz)"}, {"name": "FITS", "endings": [], "isReadHere": false, "isRead": false, "advice": "convert the volume to NIfTI (.nii.gz)"}, {"name": "VTK", "endings": [], "isReadHere": false, "isRead": false, "advice": "convert the volume to NIfTI (.nii.gz)"}, {"name": "GE Signa (before DICOM)", "endings": [], "isReadHere": false, "isRead": false, "advice": "convert it to DICOM or NIfTI (.nii.gz)"}, {"name": "MATLAB", "endings": [], "isReadHere": false, "isRead": false, "advice": "convert the volume to NIfTI (.nii.gz)"}, {"name": "NumPy", "endings": [], "isReadHere": false, "isRead": false, "advice": "give the array to the Python API"}, {"name": "tar", "endings": [".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"], "isReadHere": false, "isRead": false, "advice": "unpack it and give the folder, or pack it as zip"}, {"name": "7z", "endings": [".7z"], "isReadHere": false, "isRead": false, "advice": "unpack it and give the folder, or pack it as zip"}, {"name": "RAR", "endings": [".rar"], "isReadHere": false, "isRead": false, "advice": "unpack it and give the folder, or pack it as zip"}, {"name": "bzip2", "endings": [".nii.bz2", ".dcm.bz2"], "isReadHere": false, "isRead": false, "advice": "unpack it and give the folder, or pack it as zip"}, {"name": "xz", "endings": [".nii.xz", ".dcm.xz"], "isReadHere": false, "isRead": false, "advice": "unpack it and give the folder, or pack it as zip"}, {"name": "Zstandard", "endings": [".nii.zst", ".dcm.zst"], "isReadHere": false, "isRead": false, "advice": "unpack it and give the folder, or pack it as zip"}, {"name": "AppleDouble (what macOS keeps beside a file)", "endings": [], "isReadHere": false, "isRead": false, "advice": "give the file of the same name without '._'"}, {"name": "HTML (a web page, as comes where a download failed)", "endings": [], "isReadHere": false, "isRead": false, "advice": "download the file again, signed in where that is asked for"}, {"name": "Git LFS (a pointer in place of the file)", "endings": [], "isReadHere": false, "isRead": false, "advice": "get the file itself with 'git lfs pull'"}, {"name": "DICOM in JSON or XML", "endings": [], "isReadHere": false, "isRead": false, "advice": "get the DICOM file itself, such as by WADO-RS"}, {"name": "DICOM", "endings": [], "isReadHere": true, "isRead": true, "advice": ""}] as const;

export const NAMED_AS_SCAN = [".dcm", ".dicom", ".ima", ".mr", ".dcm.gz", ".dicom.gz", ".ima.gz", ".mr.gz", ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".nii", ".nii.gz", ".nrrd", ".nhdr", ".nrrd.gz", ".nhdr.gz", ".mha", ".mhd", ".mha.gz", ".mhd.gz", ".mgh", ".mgz", ".mgh.gz", ".mgz.gz", ".zip", ".gif", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".j2c", ".jpx", ".jxl", ".pgm", ".ppm", ".pnm", ".mnc", ".hdr", ".img", ".hdr.gz", ".img.gz", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".7z", ".rar", ".nii.bz2", ".dcm.bz2", ".nii.xz", ".dcm.xz", ".nii.zst", ".dcm.zst"] as const;

export const SYNTAX_NAMES = {"1.2.840.10008.1.2": "Implicit VR Little Endian", "1.2.840.10008.1.2.1": "Explicit VR Little Endian", "1.2.840.10008.1.2.1.99": "Deflated Explicit VR Little Endian", "1.2.840.10008.1.2.2": "Explicit VR Big Endian", "1.2.840.10008.1.2.5": "RLE Lossless", "1.2.840.10008.1.2.4.50": "JPEG Baseline (Process 1)", "1.2.840.10008.1.2.4.51": "JPEG Extended (Process 2 and 4)", "1.2.840.10008.1.2.4.57": "JPEG Lossless, Non-Hierarchical (Process 14)", "1.2.840.10008.1.2.4.70": "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])", "1.2.840.10008.1.2.4.80": "JPEG-LS Lossless Image Compression", "1.2.840.10008.1.2.4.81": "JPEG-LS Lossy (Near-Lossless) Image Compression", "1.2.840.10008.1.2.4.90": "JPEG 2000 Image Compression (Lossless Only)", "1.2.840.10008.1.2.4.91": "JPEG 2000 Image Compression"} as const;

export const ELEMENTS = {"AcquisitionContrast": ["x00089209", "CS"], "AcquisitionNumber": ["x00200012", "IS"], "AnatomicRegionSequence": ["x00082218", "SQ"], "BitsAllocated": ["x00280100", "US"], "BitsStored": ["x00280101", "US"], "BluePaletteColorLookupTableData": ["x00281203", "OW"], "BluePaletteColorLookupTableDescriptor": ["x00281103", "US or SS"], "BodyPartExamined": ["x00180015", "CS"], "CodeMeaning": ["x00080104", "LO"], "Columns": ["x00280011", "US"], "ComplexImageComponent": ["x00089208", "CS"], "ContrastBolusAgent": ["x00180010", "LO"], "DiffusionBValue": ["x00189087", "FD"], "DiffusionGradientDirectionSequence": ["x00189076", "SQ"], "DiffusionGradientOrientation": ["x00189089", "FD"], "DoubleFloatPixelData": ["x7fe00009", "OD"], "DoubleFloatPixelPaddingRangeLimit": ["x00280125", "FD"], "DoubleFloatPixelPaddingValue": ["x00280123", "FD"], "EchoNumbers": ["x00180086", "IS"], "EchoTime": ["x00180081", "DS"], "EffectiveEchoTime": ["x00189082", "FD"], "FlipAngle": ["x00181314", "DS"], "FloatPixelData": ["x7fe00008", "OF"], "FloatPixelPaddingRangeLimit": ["x00280124", "FL"], "FloatPixelPaddingValue": ["x00280122", "FL"], "FrameAcquisitionNumber": ["x00209156", "US"], "FrameAnatomySequence": ["x00209071", "SQ"], "FrameOfReferenceUID": ["x00200052", "UI"], "FrameType": ["x00089007", "CS"], "FrameVOILUTSequence": ["x00289132", "SQ"], "GreenPaletteColorLookupTableData": ["x00281202", "OW"], "GreenPaletteColorLookupTableDescriptor": ["x00281102", "US or SS"], "HighBit": ["x00280102", "US"], "ImageOrientationPatient": ["x00200037", "DS"], "ImagePositionPatient": ["x00200032", "DS"], "ImageType": ["x00080008", "CS"], "ImagerPixelSpacing": ["x00181164", "DS"], "InstanceNumber": ["x00200013", "IS"], "InversionTime": ["x00180082", "DS"], "InversionTimes": ["x00189079", "FD"], "LUTData": ["x00283006", "US or OW"], "LUTDescriptor": ["x00283002", "US or SS"], "Modality": ["x00080060", "CS"], "ModalityLUTSequence": ["x00283000", "SQ"], "NominalCardiacTriggerDelayTime": ["x00209153", "FD"], "NominalScannedPixelSpacing": ["x00182010", "DS"], "NumberOfFrames": ["x00280008", "IS"], "PatientID": ["x00100020", "LO"], "PatientName": ["x00100010", "PN"], "PerFrameFunctionalGroupsSequence": ["x52009230", "SQ"], "PhotometricInterpretation": ["x00280004", "CS"], "PixelAspectRatio": ["x00280034", "IS"], "PixelData": ["x7fe00010", "OB or OW"], "PixelMeasuresSequence": ["x00289110", "SQ"], "PixelPaddingRangeLimit": ["x00280121", "US or SS"], "PixelPaddingValue": ["x00280120", "US or SS"], "PixelRepresentation": ["x00280103", "US"], "PixelSpacing": ["x00280030", "DS"], "PixelValueTransformationSequence": ["x00289145", "SQ"], "PlanarConfiguration": ["x00280006", "US"], "PlaneOrientationSequence": ["x00209116", "SQ"], "PlanePositionSequence": ["x00209113", "SQ"], "ProtocolName": ["x00181030", "LO"], "RedPaletteColorLookupTableData": ["x00281201", "OW"], "RedPaletteColorLookupTableDescriptor": ["x00281101", "US or SS"], "RepetitionTime": ["x00180080", "DS"], "RescaleIntercept": ["x00281052", "DS"], "RescaleSlope": ["x00281053", "DS"], "Rows": ["x00280010", "US"], "SOPClassUID": ["x00080016", "UI"], "SOPInstanceUID": ["x00080018", "UI"], "SamplesPerPixel": ["x00280002", "US"], "ScanningSequence": ["x00180020", "CS"], "SequenceName": ["x00180024", "SH"], "SeriesDescription": ["x0008103e", "LO"], "SeriesInstanceUID": ["x0020000e", "UI"], "SeriesNumber": ["x00200011", "IS"], "SharedFunctionalGroupsSequence": ["x52009229", "SQ"], "SliceLocation": ["x00201041", "DS"], "SpacingBetweenSlices": ["x00180088", "DS"], "SpecificCharacterSet": ["x00080005", "CS"], "StackID": ["x00209056", "SH"], "StudyInstanceUID": ["x0020000d", "UI"], "TemporalPositionIdentifier": ["x00200100", "IS"], "TemporalPositionIndex": ["x00209128", "UL"], "TransferSyntaxUID": ["x00020010", "UI"], "TriggerTime": ["x00181060", "DS"], "VOILUTFunction": ["x00281056", "CS"], "VOILUTSequence": ["x00283010", "SQ"], "WindowCenter": ["x00281050", "DS"], "WindowWidth": ["x00281051", "DS"]} as const;
