/** What names a trained network, for help and messages. */
export const networkNames = "a run, a pretrained folder, a file of weights or hf:OWNER/NAME@REVISION";
