
é
block_inference.proto"C
FileInfo
metadata (	Rmetadata
	file_data (RfileData"“
BlockInferencePacket
block_id (	RblockId

session_id (	R	sessionId
seq_no (RseqNo
	frame_ptr (RframePtr
data (	Rdata)
query_parameters (	RqueryParameters
ts (Rts
files	 (2	.FileInfoRfiles

output_ptr
 (	R	outputPtr"¦

AIOSPacket

session_id (	R	sessionId
seq_no (RseqNo
data (	Rdata
ts (Rts

output_ptr (	R	outputPtr
files (2	.FileInfoRfiles2D
BlockInferenceService+
infer.BlockInferencePacket.AIOSPacketbproto3